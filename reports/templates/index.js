"use strict";
(() => {
  const tip = document.getElementById("tip");
  let target = null;

  // ── numbers on hover and focus ──
  const tipOf = (el) => {
    const mark = el.closest("a.mark");
    if (mark) {
      const cell = mark.closest("td");
      const head = cell.closest("table").tHead.rows[0].cells[cell.cellIndex];
      const task = cell.parentElement.cells[0].querySelector("[data-tip]").dataset.tip;
      return [mark, `${task}\n${head.textContent}: ${mark.getAttribute("aria-label")}`];
    }
    const point = el.closest(".chart a");
    if (point) return [point, point.getAttribute("aria-label").replaceAll("; ", "\n")];
    const other = el.closest("[data-tip]");
    return other ? [other, other.dataset.tip] : [null, ""];
  };
  const lit = (on) => {
    const href = target?.closest(".chart") ? target.getAttribute("href") : null;
    if (href) document.getElementById(href.slice(1))?.classList.toggle("lit", on);
  };
  const hide = () => { lit(false); target = null; tip.hidden = true; };
  const show = (event) => {
    const [el, text] = tipOf(event.target);
    if (el === target) return;
    hide();
    if (!el) return;
    target = el;
    lit(true);
    tip.textContent = text;
    tip.hidden = false;
    const at = (el.querySelector("path") ?? el).getBoundingClientRect();
    const own = tip.getBoundingClientRect();
    const middle = at.left + at.width / 2 - own.width / 2;
    tip.style.left = `${Math.max(8, Math.min(middle, document.documentElement.clientWidth - own.width - 8))}px`;
    tip.style.top = `${at.top > own.height + 12 ? at.top - own.height - 8 : at.bottom + 8}px`;
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { passive: true, capture: true });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // ── sorting ──
  const value = (cell) => {
    const raw = cell.dataset.v ?? cell.textContent.trim();
    const number = Number(raw.replace(/^</, ""));
    return raw === "" || Number.isNaN(number) ? raw : number;
  };
  const known = (cell) => cell.dataset.v !== undefined || /[\p{L}\p{N}]/u.test(cell.textContent);
  const compare = (a, b) => (typeof a === "number" && typeof b === "number")
    ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (button) => {
    const head = button.closest("th");
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const before = head.getAttribute("aria-sort");
    const numeric = head.classList.contains("number") || head.textContent === "Pass rate";
    const cheap = /^\$|time|within|byte/i.test(head.textContent);
    const down = before ? before === "ascending" : numeric && !cheap;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const needsValue = [...body.rows].some((row) => row.cells[column].dataset.v !== undefined);
    const missing = (cell) => needsValue ? cell.dataset.v === undefined : !known(cell);
    const rows = [...body.rows].sort((a, b) => {
      const [left, right] = [a.cells[column], b.cells[column]];
      const [noLeft, noRight] = [missing(left), missing(right)];
      if (noLeft || noRight) return noLeft - noRight;
      return (down ? -1 : 1) * compare(value(left), value(right));
    });
    body.append(...rows);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-sort]");
    if (button) sort(button);
  });

  // ── filter ──
  const form = document.querySelector(".filters");
  if (form) {
    const rows = [...document.getElementById("board").tBodies[0].rows];
    const apply = () => {
      const text = document.getElementById("find").value.trim().toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const kept = row.dataset.name.toLowerCase().includes(text);
        row.hidden = !kept;
        shown += kept;
        for (const point of document.querySelectorAll(`.chart a[href="#${row.id}"]`)) point.classList.toggle("off", !kept);
      }
      document.getElementById("count").value = shown === rows.length ? "" : `${shown} of ${rows.length} shown`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
})();
