// Live updates and copy buttons; every page works without this file.
//
// Live: an element with data-live="URL" listens to that event stream. On each message the page is fetched again and
// every element with data-live-part="name" gets the content that the element of the same name has in the fresh page.
// The server renders each page once, in one place; the script only carries the result over. Pages that listen to the
// same path share one stream, and a page that nobody sees has none.
//
// While a page has an element with data-look-again, it is fetched again each second: what that shows goes on by itself.
//
// A form with data-submit-at-once is sent without a click. A second click on any form does nothing while the answer to
// the first is on its way, which its button shows. What data-told-by="name" says came with that part of the address, which
// is taken out of it.
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
    event.submitter?.setAttribute("aria-busy", "true");
    // Who has stopped the page from loading, or has come back to it, may send the form again.
    window.setTimeout(() => underWay.delete(form), 5000);
  });

  // Who comes back to a page that the browser has kept finds it as it was before the click.
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  });

  // An answer that was told in the address is told once: who loads the page again is not told again.
  const told = document.querySelector("[data-told-by]")?.dataset.toldBy;
  if (told !== undefined) {
    const address = new URL(window.location.href);
    address.searchParams.delete(told);
    window.history.replaceState(window.history.state, "", address);
  }

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

  // Makes a node what the fresh one is and leaves alone what is the same already: with it stay the focus, what a reader
  // has opened, selected or scrolled to. Elements with an id are known by it, others by their place.
  const carryOver = (now, fresh) => {
    if (now.isEqualNode(fresh)) return;
    if (now.nodeType !== Node.ELEMENT_NODE) {
      now.nodeValue = fresh.nodeValue;
      return;
    }
    const isReaders = (name) => name === "open" && now.matches("details");
    for (const { name } of Array.from(now.attributes)) {
      if (!fresh.hasAttribute(name) && !isReaders(name)) now.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (now.getAttribute(name) !== value && !isReaders(name)) now.setAttribute(name, value);
    }
    carryOverChildren(now, fresh);
    if (now.matches("input, select, textarea")) now.value = fresh.value;
  };

  const isSame = (now, fresh) => now.nodeName === fresh.nodeName && (now.id ?? "") === (fresh.id ?? "");

  const carryOverChildren = (now, fresh) => {
    let place = now.firstChild;
    for (const wanted of Array.from(fresh.childNodes)) {
      let found = place;
      if (wanted.id) while (found !== null && !isSame(found, wanted)) found = found.nextSibling;
      if (found === null || !isSame(found, wanted)) {
        now.insertBefore(wanted, place);
        continue;
      }
      while (place !== found) {
        place = place.nextSibling;
        place.previousSibling.remove();
      }
      place = found.nextSibling;
      carryOver(found, wanted);
    }
    while (place !== null) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  const replaceParts = (fresh) => {
    for (const part of document.querySelectorAll("[data-live-part]")) {
      const name = CSS.escape(part.dataset.livePart);
      const update = fresh.querySelector(`[data-live-part="${name}"]`);
      if (update === null || isBeingEdited(part) || part.innerHTML === update.innerHTML) continue;
      const hadFocus = part.contains(document.activeElement);
      carryOverChildren(part, update);
      if (!hadFocus || part.contains(document.activeElement)) continue;
      // What had the focus has gone: whoever works with the keyboard goes on from here, not from the top of the page.
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
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
        if (!answer.ok) continue;
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        replaceParts(fresh);
        // A stream that is opened later goes on from where this page is now.
        const since = fresh.querySelector("[data-live]")?.dataset.live;
        const element = document.querySelector("[data-live]");
        if (since !== undefined && element !== null) element.dataset.live = since;
      } while (again);
    } catch {
      // The server is away; the event stream reconnects by itself and its next message brings us up to date.
    } finally {
      fetching = false;
      lookAgain();
    }
  };

  let next = 0;
  const lookAgain = () => {
    window.clearTimeout(next);
    if (document.querySelector("[data-look-again]") !== null) next = window.setTimeout(refresh, 1000);
  };
  lookAgain();

  // A browser has six connections to a server that speaks HTTP/1.1, for all of its tabs: if each page had a stream of its
  // own, the seventh would load for ever. So the pages in sight that listen to one path agree on one that leads: it holds
  // a lock and the stream, and tells the others. Where there are no locks (plain HTTP on another name than localhost),
  // each page in sight has its own.
  const follow = (element) => {
    const subject = () => new URL(element.dataset.live, window.location.href);
    const name = `rehearsal ${subject().pathname}`;
    let leave = null;

    // An entry that is about another subscription than the page changes nothing on it.
    const hear = (about) => {
      const mine = subject().searchParams.get("subscription");
      if (mine === null || about === "" || about === mine) refresh();
    };

    const listen = (url, tell) => {
      const stream = new EventSource(url);
      // The journal names its events; a stream of unnamed ones is as good.
      stream.addEventListener("entry", ({ data }) => tell(JSON.parse(data).subscription ?? ""));
      stream.addEventListener("message", () => tell(""));
      // A stream that is closed for good (204) has nothing more to tell: what there was to tell may have happened
      // between the rendering of this page and the opening of the stream.
      stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) tell(""); });
      return stream;
    };

    const share = async (left) => {
      const channel = new BroadcastChannel(name);
      channel.addEventListener("message", ({ data }) => hear(data));
      left.addEventListener("abort", () => channel.close());
      const lead = () => new Promise((over) => {
        if (left.aborted) return over();
        const everything = subject();
        everything.searchParams.delete("subscription");
        const stream = listen(everything, (about) => {
          channel.postMessage(about);
          hear(about);
        });
        left.addEventListener("abort", () => {
          stream.close();
          over();
        });
      });
      // Who comes later missed what was told before; who leads hears of it from the stream.
      await navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock === null ? refresh() : lead()));
      if (!left.aborted) await navigator.locks.request(name, { signal: left }, lead);
    };

    const join = () => {
      if (leave !== null || document.hidden) return;
      leave = new AbortController();
      const left = leave.signal;
      if (navigator.locks !== undefined && window.BroadcastChannel !== undefined) {
        share(left).catch(() => {}); // It left while it was waiting for its turn to lead.
        return;
      }
      const stream = listen(subject(), hear);
      left.addEventListener("abort", () => stream.close());
    };

    const goAway = () => {
      leave?.abort();
      leave = null;
    };

    const comeBack = () => {
      if (leave !== null || document.hidden) return;
      join();
      refresh();
    };

    document.addEventListener("visibilitychange", () => (document.hidden ? goAway() : comeBack()));
    window.addEventListener("pagehide", goAway);
    window.addEventListener("pageshow", ({ persisted }) => { if (persisted) comeBack(); });
    join();
  };

  for (const element of document.querySelectorAll("[data-live]")) follow(element);

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
