"use strict";
(() => {
  const graph = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const erd = byId("erd"), view = byId("view"), panel = byId("panel"), find = byId("find"), found = byId("found");
  const width = +erd.dataset.width, height = +erd.dataset.height;
  const boxes = [...erd.querySelectorAll("[data-table]")], lines = [...erd.querySelectorAll("[data-ref]")];
  const place = new Map(graph.tables.map((table, at) => [table.name, at]));
  const refs = graph.references.map((ref) => ({ ...ref, from: place.get(ref.table), to: place.get(ref.target) }));
  const marks = { added: "+ ", removed: "\u2212 ", changed: "~ ", same: "" };
  let scale = 1, x = 0, y = 0, chosen = null;

  // ---- moving and zooming
  const draw = () => {
    view.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    erd.classList.toggle("away", scale < 0.55);
  };
  const least = () => Math.min(erd.clientWidth / width, erd.clientHeight / height, 1) * 0.8;
  const zoom = (factor, cx = erd.clientWidth / 2, cy = erd.clientHeight / 2) => {
    const next = Math.min(4, Math.max(least(), scale * factor));
    x = cx - (cx - x) * next / scale;
    y = cy - (cy - y) * next / scale;
    scale = next;
    draw();
  };
  const fit = () => {
    const room = erd.clientHeight - byId("legend").offsetHeight - 16;
    scale = Math.min(erd.clientWidth / width, room / height, 1.2);
    x = (erd.clientWidth - width * scale) / 2;
    y = Math.max(0, (room - height * scale) / 2);
    draw();
  };
  // Around some tables, large enough to be read.
  const show = (tables, most) => {
    const all = tables.map((at) => {
      const [, left, top] = /translate\(([-\d.]+) ([-\d.]+)\)/.exec(boxes[at].getAttribute("transform"));
      const frame = boxes[at].querySelector(".frame");
      return [+left, +top, +left + +frame.getAttribute("width"), +top + +frame.getAttribute("height")];
    });
    const [l, t, r, b] = [0, 1, 2, 3].map((n) => Math[n < 2 ? "min" : "max"](...all.map((box) => box[n])));
    const phone = erd.clientWidth <= 640, side = panel.hidden || phone ? 0 : 390;
    const w = erd.clientWidth - side, h = erd.clientHeight * (phone && !panel.hidden ? 0.55 : 1);
    scale = Math.max(least(), Math.min(most, (w - 40) / (r - l), (h - 40) / (b - t)));
    x = w / 2 - (l + r) / 2 * scale;
    y = h / 2 - (t + b) / 2 * scale;
    draw();
  };

  const touches = new Map();
  let moved = 0;
  erd.addEventListener("pointerdown", (event) => {
    touches.set(event.pointerId, [event.clientX, event.clientY]);
    moved = touches.size > 1 ? 99 : 0;
  });
  erd.addEventListener("pointermove", (event) => {
    const before = touches.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    const [dx, dy] = [now[0] - before[0], now[1] - before[1]];
    if (touches.size === 1) {
      moved += Math.abs(dx) + Math.abs(dy);
      // A click that trembles is still a click.
      if (moved > 4) {
        if (!erd.hasPointerCapture(event.pointerId)) erd.setPointerCapture(event.pointerId);
        erd.classList.add("moving");
      }
      x += dx; y += dy;
      draw();
    } else if (touches.size === 2) {
      const other = [...touches].find(([id]) => id !== event.pointerId)[1];
      const far = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
      const { left, top } = erd.getBoundingClientRect();
      x += dx / 2; y += dy / 2;
      zoom(far(now, other) / far(before, other), (now[0] + other[0]) / 2 - left, (now[1] + other[1]) / 2 - top);
    }
    touches.set(event.pointerId, now);
  });
  const up = (event) => {
    touches.delete(event.pointerId);
    erd.classList.remove("moving");
  };
  erd.addEventListener("pointerup", up);
  erd.addEventListener("pointercancel", up);
  erd.addEventListener("wheel", (event) => {
    event.preventDefault();
    const { left, top } = erd.getBoundingClientRect();
    const lines = event.deltaMode === 1 ? 30 : 1;
    zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 0.01 : 0.0022)), event.clientX - left, event.clientY - top);
  }, { passive: false });

  // ---- one table
  const element = (name, text, ...classes) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    made.classList.add(...classes);
    return made;
  };
  const near = (at) => refs.flatMap((ref, n) => ref.from === at || ref.to === at ? [n] : []);
  const list = (title, items) => {
    if (!items.length) return [];
    const ul = element("ul");
    ul.append(...items.map((item) => { const li = element("li"); li.append(item); return li; }));
    return [element("h3", title), ul];
  };
  const was = (change) => change.was && change.was.length ? ` (was ${change.was.join("; ")})` : "";
  const mark = (thing) => marks[thing.change] || "";
  const relation = (ref, other, words) => {
    const button = element("button", mark(ref) + words + was(ref), "to");
    button.type = "button";
    if (ref.crosses_tenants) {
      button.classList.add("crosses");
      button.append(element("span", " could cross tenants", "warn"));
    }
    button.addEventListener("click", () => choose(other));
    return button;
  };
  const describe = (at) => {
    const table = graph.tables[at], mine = near(at).map((n) => refs[n]);
    panel.replaceChildren();
    const close = element("button", "\u00d7", "close");
    close.type = "button";
    close.setAttribute("aria-label", "Close");
    close.addEventListener("click", clear);
    const kind = table.kind ? `${table.kind} table` : boxes[at].classList.contains("external") ? "table of another schema" : "not classified";
    panel.append(close, element("h2", mark(table) + table.name), element("p", `${kind}, domain ${table.domain}`, "t"));
    if (table.comment) panel.append(element("p", table.comment));
    if (table.partition_by) panel.append(element("p", `partitioned by ${table.partition_by}, ${table.partitions.length} partitions${was(table)}`));
    if (table.inherits.length) panel.append(element("p", `inherits from ${table.inherits.join(", ")}`));
    const keys = [...(table.primary_key ? [["primary key", table.primary_key]] : []), ...table.uniques.map((key) => ["unique", key])];
    panel.append(...list("Keys", keys.map(([word, key]) => `${mark(key)}${word} (${key.columns.join(", ")})${was(key)}`)));
    panel.append(...list("Refers to", mine.filter((ref) => ref.from === at).map((ref) =>
      relation(ref, ref.to, `${ref.columns.join(", ")} \u2192 ${ref.target} (${ref.target_columns.join(", ")})${ref.on_delete === "NO ACTION" ? "" : ", on delete " + ref.on_delete.toLowerCase()}`))));
    panel.append(...list("Referred to by", mine.filter((ref) => ref.to === at).map((ref) =>
      relation(ref, ref.from, `${ref.table} (${ref.columns.join(", ")})`))));
    panel.append(...list("Columns", table.columns.map((column) => {
      const item = element("span", mark(column) + column.name);
      if (column.tenant) item.classList.add("dim");
      item.append(element("span", ` ${column.type}${column.not_null ? "" : " null"}${was(column)}`, "t"));
      if (column.comment) item.title = column.comment;
      return item;
    })));
    const words = (index) => `${index.unique ? "unique " : ""}${index.method} (${index.keys.map((key) => key.column ?? key.expression).join(", ")})${index.predicate ? " where " + index.predicate : ""}`;
    panel.append(...list("Indexes", table.indexes.map((index) => `${mark(index)}${index.name}: ${words(index)}`)));
    panel.hidden = false;
    byId("help").hidden = true;
    byId("about").setAttribute("aria-expanded", "false");
  };
  const light = (at, on) => {
    for (const n of near(at)) {
      lines[n].classList.toggle("lit", on);
      boxes[refs[n].from].classList.toggle("lit", on);
      boxes[refs[n].to].classList.toggle("lit", on);
    }
    boxes[at].classList.toggle("lit", on);
  };
  const unchoose = () => {
    erd.classList.remove("chosen");
    for (const one of [...boxes, ...lines]) one.classList.remove("near", "center");
    for (const box of boxes) box.setAttribute("aria-pressed", "false");
    chosen = null;
  };
  const clear = () => { unchoose(); panel.hidden = true; };
  const choose = (at) => {
    unchoose();
    chosen = at;
    erd.classList.add("chosen");
    const group = new Set([at]);
    for (const n of near(at)) {
      lines[n].classList.add("near");
      group.add(refs[n].from).add(refs[n].to);
    }
    for (const one of group) boxes[one].classList.add("near");
    boxes[at].classList.add("center");
    boxes[at].setAttribute("aria-pressed", "true");
    describe(at);
    panel.scrollTop = 0;
    // A table that everything refers to would make everything small.
    show(group.size <= 12 ? [...group] : [at], 1.1);
    if (scale < 0.6) show([at], 1);
    byId("said").textContent = boxes[at].getAttribute("aria-label");
  };
  boxes.forEach((box, at) => {
    box.setAttribute("tabindex", "0");
    box.setAttribute("role", "button");
    box.setAttribute("aria-pressed", "false");
    box.setAttribute("aria-label", box.querySelector("title").textContent);
    box.querySelector("title").remove();
    box.addEventListener("click", () => { if (moved <= 4) chosen === at ? clear() : choose(at); });
    box.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "mouse" || touches.size) return;
      light(at, true);
      if (chosen === null) describe(at);
    });
    box.addEventListener("pointerleave", () => {
      light(at, false);
      if (chosen === null) panel.hidden = true;
    });
    box.addEventListener("focus", () => {
      if (!box.matches(":focus-visible")) return;
      light(at, true);
      if (chosen === null) { describe(at); show([at], Math.max(scale, 0.8)); }
    });
    box.addEventListener("blur", () => {
      light(at, false);
      if (chosen === null && !panel.contains(document.activeElement)) panel.hidden = true;
    });
  });
  erd.addEventListener("click", (event) => { if (moved <= 4 && !event.target.closest("[data-table]")) clear(); });

  // ---- finding
  let hits = [], at = 0;
  const search = () => {
    const wanted = find.value.trim().toLowerCase();
    hits = [];
    if (wanted) {
      const rank = (name) => { const n = name.toLowerCase().indexOf(wanted); return n < 0 ? null : n === 0 ? (name.length === wanted.length ? 0 : 1) : 2; };
      graph.tables.forEach((table, n) => {
        const own = rank(table.name);
        if (own !== null) hits.push([own, n, table.name, table.kind || ""]);
        else for (const column of table.columns) {
          const theirs = rank(column.name);
          if (theirs !== null) { hits.push([theirs + 3, n, table.name, column.name]); break; }
        }
      });
      hits.sort((a, b) => a[0] - b[0] || a[2].length - b[2].length);
      hits = hits.slice(0, 12);
    }
    at = 0;
    offer();
  };
  const offer = () => {
    found.replaceChildren(...hits.map(([, table, name, detail], n) => {
      const item = element("li", name + " ");
      item.append(element("small", detail));
      item.id = `hit-${n}`;
      item.setAttribute("role", "option");
      item.setAttribute("aria-selected", String(n === at));
      item.addEventListener("pointerdown", (event) => { event.preventDefault(); take(table); });
      return item;
    }));
    if (find.value.trim() && !hits.length) found.append(element("li", "nothing"));
    found.hidden = !find.value.trim();
    find.setAttribute("aria-expanded", String(!found.hidden));
    if (hits.length) { find.setAttribute("aria-activedescendant", `hit-${at}`); found.children[at].scrollIntoView({ block: "nearest" }); }
    else find.removeAttribute("aria-activedescendant");
  };
  const take = (table) => {
    find.value = "";
    offer();
    choose(table);
    boxes[table].focus({ preventScroll: true });
  };
  find.addEventListener("input", search);
  find.addEventListener("focus", search);
  find.addEventListener("blur", () => { found.hidden = true; find.setAttribute("aria-expanded", "false"); });
  find.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits.length) { event.preventDefault(); at = (at + step + hits.length) % hits.length; offer(); }
    if (event.key === "Escape") { find.value = ""; hits = []; offer(); erd.focus(); event.stopPropagation(); }
  });
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    if (hits[at]) take(hits[at][1]);
  });

  // ---- keys and buttons
  const help = () => {
    const shown = byId("help").hidden;
    if (shown) clear();
    byId("help").hidden = !shown;
    byId("about").setAttribute("aria-expanded", String(shown));
  };
  byId("in").addEventListener("click", () => zoom(1.3));
  byId("out").addEventListener("click", () => zoom(1 / 1.3));
  byId("fit").addEventListener("click", () => { clear(); fit(); });
  byId("about").addEventListener("click", help);
  document.addEventListener("keydown", (event) => {
    if (event.target === find || event.ctrlKey || event.metaKey || event.altKey) return;
    const box = event.target.closest && event.target.closest("[data-table]");
    const button = event.target.closest && event.target.closest("button");
    const moves = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    // In the panel and in the help they scroll.
    if (moves && event.target.closest && event.target.closest("#panel, #help")) return;
    if (moves) { x += moves[0]; y += moves[1]; draw(); }
    else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else if (event.key === "/") find.focus();
    else if (event.key === "?") help();
    else if (event.key === "Escape") { clear(); byId("help").hidden = true; byId("about").setAttribute("aria-expanded", "false"); }
    else if ((event.key === "Enter" || event.key === " ") && box && !button) { const n = +box.dataset.table; chosen === n ? clear() : choose(n); }
    else return;
    event.preventDefault();
  });
  let size = [0, 0];
  new ResizeObserver(() => {
    const now = [erd.clientWidth, erd.clientHeight];
    if (!size[0]) fit(); else { x += (now[0] - size[0]) / 2; y += (now[1] - size[1]) / 2; draw(); }
    size = now;
  }).observe(erd);
})();
