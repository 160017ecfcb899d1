// Live updates and copy buttons; every page works without this file.
//
// Live: an element with data-live="URL" listens to that event stream. On each message the page is fetched again and
// every element with data-live-part="name" gets the content that the element of the same name has in the fresh page.
// The server renders each page once, in one place; the script only carries the result over.
//
// A form with data-submit-at-once is sent without a click. A second click on any form does nothing while the answer to
// the first is on its way.
//
// Copy: a button with data-copy="id" copies the text of the element with that id.
(() => {
  "use strict";

  document.documentElement.classList.add("js");

  for (const form of document.querySelectorAll("form[data-submit-at-once]")) form.submit();

  const underWay = new WeakSet();
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || event.defaultPrevented) return;
    if (underWay.has(form)) {
      event.preventDefault();
      return;
    }
    underWay.add(form);
    // Who has stopped the page from loading, or has come back to it, may send the form again.
    window.setTimeout(() => underWay.delete(form), 5000);
  });

  const announcer = document.createElement("div");
  announcer.className = "visually-hidden";
  announcer.setAttribute("aria-live", "polite");
  document.body.append(announcer);

  const announce = (text) => {
    announcer.textContent = "";
    window.setTimeout(() => { announcer.textContent = text; }, 50);
  };

  // What was typed or chosen and not sent yet.
  const isTouched = (field) => {
    if (field.type === "hidden") return false;
    if (!field.matches("select")) return field.value !== field.defaultValue;
    const byDefault = Array.from(field.options).findIndex((option) => option.defaultSelected);
    return field.selectedIndex !== Math.max(byDefault, 0);
  };

  // A field that somebody types into, or has typed into, is not pulled away from under their hands.
  const isBeingEdited = (part) => {
    const focused = document.activeElement;
    if (focused !== null && part.contains(focused) && focused.matches("input, select, textarea")) return true;
    return Array.from(part.querySelectorAll("input, select, textarea")).some(isTouched);
  };

  const replaceParts = (fresh) => {
    for (const part of document.querySelectorAll("[data-live-part]")) {
      const name = CSS.escape(part.dataset.livePart);
      const update = fresh.querySelector(`[data-live-part="${name}"]`);
      if (update === null || isBeingEdited(part) || part.innerHTML === update.innerHTML) continue;
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      // What a reader has opened stays open.
      const opened = Array.from(part.querySelectorAll("details[open][id]"), (details) => details.id);
      part.innerHTML = update.innerHTML;
      for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
      if (focused !== "") document.getElementById(focused)?.focus();
    }
    if (fresh.title !== "") document.title = fresh.title;
  };

  let fetching = false;
  let again = false;
  const refresh = async () => {
    if (fetching) {
      again = true;
      return;
    }
    fetching = true;
    try {
      do {
        again = false;
        const answer = await fetch(window.location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (answer.ok) replaceParts(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } while (again);
    } catch {
      // The server is away; the event stream reconnects by itself and its next message brings us up to date.
    } finally {
      fetching = false;
    }
  };

  for (const element of document.querySelectorAll("[data-live]")) {
    const stream = new EventSource(element.dataset.live);
    // The journal names its events; a stream of unnamed ones is as good.
    for (const kind of ["entry", "message"]) stream.addEventListener(kind, refresh);
    // A stream that is closed for good (204) has nothing more to tell: what there was to tell may have happened between
    // the rendering of this page and the opening of the stream.
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) refresh(); });
    window.addEventListener("pagehide", () => stream.close());
  }

  const copyText = async (target) => {
    const text = target.value ?? target.textContent.trim();
    if (navigator.clipboard !== undefined && window.isSecureContext) {
      await navigator.clipboard.writeText(text);
      return;
    }
    // Plain HTTP on another name than localhost has no clipboard API.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("refused");
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const target = document.getElementById(button.dataset.copy);
    if (target === null) return;
    const label = button.dataset.copyLabel ?? button.textContent;
    button.dataset.copyLabel = label;
    try {
      await copyText(target);
      button.textContent = "Copied";
      announce("Copied");
    } catch {
      button.textContent = "Select and copy";
      announce("Copying was refused: select the text and copy it");
      window.getSelection()?.selectAllChildren(target);
    }
    button.focus();
    window.setTimeout(() => { button.textContent = label; }, 2000);
  });

  // The summary of a refused form is the first thing to be read out.
  document.querySelector("[data-focus]")?.focus();
})();
