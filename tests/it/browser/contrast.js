// Texts of the page that stand out too little against what is behind them: WCAG 2.2, 1.4.3, level AA.
const numbers = (color) => color.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
const parsed = (color) => {
  const [r, g, b, a = 1] = numbers(color.replace(/^color\(\w+/, "("));
  const scale = color.startsWith("color(") ? 255 : 1;
  return { r: r * scale, g: g * scale, b: b * scale, a };
};
const over = (top, under) => {
  const mix = (name) => top[name] * top.a + under[name] * (1 - top.a);
  return { r: mix("r"), g: mix("g"), b: mix("b"), a: 1 };
};
const behind = (element) => {
  if (element === null) return { r: 255, g: 255, b: 255, a: 1 };
  const own = parsed(getComputedStyle(element).backgroundColor);
  return own.a === 1 ? own : over(own, behind(element.parentElement));
};
const light = ({ r, g, b }) => {
  const part = (value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
};
const faint = [];
for (const element of document.querySelectorAll("body *")) {
  const text = Array.from(element.childNodes).filter((node) => node.nodeType === Node.TEXT_NODE)
    .map((node) => node.textContent.trim()).join("");
  const box = element.getBoundingClientRect();
  const style = getComputedStyle(element);
  const isShown = box.width > 1 && box.height > 1 && style.visibility === "visible" && element.closest("[disabled]") === null;
  if (text === "" || !isShown) continue;
  const ground = behind(element);
  const [high, low] = [light(over(parsed(style.color), ground)), light(ground)].sort((one, other) => other - one);
  const size = parseFloat(style.fontSize);
  const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const contrast = (high + 0.05) / (low + 0.05);
  if (contrast < (isLarge ? 3 : 4.5)) faint.push(`${contrast.toFixed(2)} ${element.tagName} ${element.className}: ${text.slice(0, 40)}`);
}
return faint;
