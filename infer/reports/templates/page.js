"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  // A paragraph is [document, number, kind (0 body, 1 heading, 2 other), text, theme, theme score, stance].
  const [DOC, PARA, KIND, TEXT, THEME, SCORE, STANCE] = [0, 1, 2, 3, 4, 5, 6];
  const { paragraphs, docs, figures } = data;
  const PAGE = 30;
  let lang = (navigator.language || "zh").toLowerCase().startsWith("zh") ? 0 : 1;

  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const t = (key, ...values) => data.words[key][lang].replace(/\{(\d)\}/g, (_, n) => values[n]);
  const labelOf = (kind, id) => (data.labels[kind][id] || [id, id])[lang] || id;

  /* All text from documents goes through here: text nodes only, never markup. */
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") node.addEventListener("click", value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== ""));
    return node;
  }

  // ---- language -------------------------------------------------------------------------------------------
  function translate() {
    document.documentElement.lang = lang ? "en" : "zh-CN";
    document.title = t(data.title);
    const values = (node) => JSON.parse(node.dataset.a || "[]");
    for (const node of $$("[data-t]")) node.textContent = t(node.dataset.t, ...values(node));
    for (const node of $$("[data-t-label]")) node.setAttribute("aria-label", t(node.dataset.tLabel, ...values(node)));
    for (const node of $$("[data-t-hint]")) node.placeholder = t(node.dataset.tHint);
    for (const node of $$("[data-l]")) {
      const at = node.dataset.l.indexOf(":");
      node.textContent = labelOf(node.dataset.l.slice(0, at), node.dataset.l.slice(at + 1));
    }
    $("#lang").lang = lang ? "zh-CN" : "en";
    drawCells();
    drawOptions();
    drawTableHead();
    show();
  }

  // ---- filters --------------------------------------------------------------------------------------------
  const form = $("form");
  const fields = { theme: $("#f-theme"), stance: $("#f-stance"), doc: $("#f-doc"), score: $("#f-score"), query: $("#f-query") };
  let passing = [];
  let passes = new Uint8Array(0);

  function drawOptions() {
    const fill = (select, all, options) => {
      const value = select.value;
      select.replaceChildren(el("option", { value: "" }, t(all)), ...options.map(([id, text]) => el("option", { value: id }, text)));
      select.value = value;
    };
    fill(fields.theme, "all_themes", data.themes.map((id) => [id, labelOf("t", id)]));
    fill(fields.stance, "all_stances", data.stances.map((id) => [id, labelOf("s", id)]));
    fill(fields.doc, "all_docs", docs.map((doc, i) => [i, doc.title || doc.name]));
    $("#l-stance").hidden = !data.stances.length;
    $("#l-doc").hidden = docs.length < 2;
  }

  function select() {
    const theme = fields.theme.value && data.themes.indexOf(fields.theme.value);
    const stance = fields.stance.value && data.stances.indexOf(fields.stance.value);
    const doc = fields.doc.value && Number(fields.doc.value);
    const score = Number(fields.score.value);
    const words = fields.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (p) =>
      p[KIND] === 0 && (theme === "" || p[THEME] === theme) && (stance === "" || p[STANCE] === stance) &&
      (doc === "" || p[DOC] === doc) && p[SCORE] >= score &&
      (!words.length || words.every((word) => p[TEXT].toLowerCase().includes(word)));
    passes = new Uint8Array(paragraphs.length);
    passing = [];
    paragraphs.forEach((p, i) => { if (fits(p)) { passes[i] = 1; passing.push(i); } });
  }

  const isFiltering = () => Boolean(fields.theme.value || fields.stance.value || fields.doc.value || fields.query.value.trim() || Number(fields.score.value));
  const anyPasses = (ids) => ids.some((i) => passes[i]);

  /* An item of a digest stays if one of the paragraphs that it cites passes. */
  function filterCards() {
    const on = isFiltering();
    document.body.classList.toggle("filtered", on);
    for (const node of $$("main [data-p]")) {
      node.hidden = on && node.dataset.p !== "" && !anyPasses(node.dataset.p.split(" ").map(Number));
    }
    const theme = fields.theme.value;
    for (const card of $$(".card")) {
      const left = $$("[data-p]", card).some((node) => !node.hidden);
      card.hidden = Boolean(theme && card.dataset.theme !== theme) || (on && !left);
    }
  }

  function show() {
    const score = Number(fields.score.value);
    $("#f-score-out").textContent = score ? score.toFixed(2) : "0";
    select();
    filterCards();
    const of = t("passing", passing.length, data.body);
    $("#status").textContent = isFiltering() ? `${of}${lang ? ". " : "；"}${t("hidden")}` : of;
    $("#n-hits").textContent = of;
    drawHits(true);
    drawFigures(true);
  }

  function drawCells() {
    for (const span of $$(".matrix [data-stance]")) {
      const { theme, stance, n } = span.dataset;
      const name = t("matrix_cell", labelOf("t", theme), labelOf("s", stance), n);
      const open = () => {
        form.reset();
        fields.theme.value = theme;
        fields.stance.value = stance;
        show();
        $("#explorer").scrollIntoView();
        $("#h-explorer").focus({ preventScroll: true });
      };
      const button = el("button", { type: "button", "aria-label": name, "data-theme": theme, "data-stance": stance, "data-n": n, onclick: open }, n);
      span.replaceWith(button);
    }
  }

  // ---- source paragraphs ----------------------------------------------------------------------------------
  let shownHits = 0;

  /* Text with the words that were searched for marked. */
  function marked(text, spans) {
    const nodes = [];
    let at = 0;
    for (const [start, end] of spans) {
      if (start > at) nodes.push(text.slice(at, start));
      if (end > at) nodes.push(el("mark", {}, text.slice(Math.max(start, at), end)));
      at = Math.max(at, end);
    }
    return [...nodes, text.slice(at)];
  }

  function found(text, pieces) {
    const low = text.toLowerCase();
    const spans = [];
    for (const piece of pieces) {
      for (let at = low.indexOf(piece); at >= 0; at = low.indexOf(piece, at + piece.length)) spans.push([at, at + piece.length]);
    }
    return spans.sort((a, b) => a[0] - b[0]);
  }

  function citation(i) {
    const p = paragraphs[i];
    const doc = docs[p[DOC]];
    const text = docs.length > 1 ? `${p[DOC] + 1}·¶${p[PARA]}` : `¶${p[PARA]}`;
    return el("a", { class: "cite", href: `#p${i}`, "data-i": i, title: doc.name, "aria-label": t("cite", doc.name, p[PARA]) }, text);
  }

  function tagsOf(p) {
    if (p[THEME] < 0) return "";
    const id = data.themes[p[THEME]];
    const stance = data.stances[p[STANCE]];
    return el("span", { class: "tags" }, el("span", {}, labelOf("t", id)),
      stance ? el("span", {}, el("span", { class: `dot c${data.colours[stance]}` }), labelOf("s", stance)) : "",
      p[SCORE] ? el("span", { class: "num" }, t("score", p[SCORE].toFixed(2))) : "");
  }

  function drawHits(anew) {
    const list = $(".hits");
    if (anew) { list.replaceChildren(); shownHits = 0; }
    const words = fields.query.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const i of passing.slice(shownHits, shownHits + PAGE)) {
      const p = paragraphs[i];
      list.append(el("li", {}, tagsOf(p), el("p", { lang: "zh-CN" }, ...marked(p[TEXT], found(p[TEXT], words)), " ", citation(i))));
    }
    shownHits = Math.min(passing.length, shownHits + PAGE);
    if (!passing.length) list.append(el("li", { class: "soft" }, t("no_match")));
    more($("#more-hits"), passing.length - shownHits);
  }

  function more(button, left) {
    button.hidden = left <= 0;
    button.textContent = t("show_more", Math.min(PAGE, left));
  }

  // ---- table of figures -----------------------------------------------------------------------------------
  // A figure is {theme, subject, shown, value, unit, period, change, text, low, amount, at: [paragraphs]}.
  const COLUMNS = [
    ["measure", "w", (f) => f.measure], ["value", "v", (f) => f.shown], ["period", "p", (f) => f.period],
    ["change", "", (f) => f.change], ["theme", "h", (f) => labelOf("t", f.theme)], ["text", "t", (f) => f.text],
  ];
  let order = { column: -1, down: false };
  let rows = [];
  let shownFigures = 0;

  function drawTableHead() {
    const heads = COLUMNS.map(([key], number) => {
      const sorted = order.column === number ? (order.down ? "descending" : "ascending") : "none";
      const button = el("button", { type: "button", "aria-label": t("sort", t(key)), onclick: () => sortBy(number) }, t(key));
      return el("th", { scope: "col", "aria-sort": sorted, class: key === "value" ? "r" : null }, button);
    });
    $("#figures thead tr").replaceChildren(...heads, el("th", { scope: "col" }, t("source")));
  }

  function sortBy(number) {
    order = { column: number, down: order.column === number ? !order.down : false };
    drawTableHead();
    drawFigures(true);
    $$("#figures th button")[number].focus();
  }

  /* Numbers of one unit stand together: 5% is neither more nor less than 5 亿元. */
  function byValue(a, b) {
    if (a.low === null || b.low === null) return (a.low === null) - (b.low === null);
    return a.amount === b.amount ? a.low - b.low : a.amount.localeCompare(b.amount, "zh");
  }

  function chooseRows() {
    const theme = fields.theme.value;
    rows = figures.filter((f) => (!theme || f.theme === theme) && (!isFiltering() || !f.at.length || anyPasses(f.at)));
    if (order.column < 0) return;
    const [key, , read] = COLUMNS[order.column];
    const compare = key === "value" ? byValue : (a, b) => read(a).localeCompare(read(b), "zh", { numeric: true });
    rows.sort((a, b) => (order.down ? -compare(a, b) : compare(a, b)));
  }

  function drawFigures(anew) {
    const body = $("#figures tbody");
    if (anew) { body.replaceChildren(); shownFigures = 0; chooseRows(); }
    for (const f of rows.slice(shownFigures, shownFigures + PAGE)) {
      const cells = COLUMNS.map(([key, cls, read]) => el("td", { class: cls || null, lang: key === "theme" ? null : "zh-CN" }, key === "text" ? el("span", { class: "q" }, read(f)) : read(f)));
      body.append(el("tr", { "data-item": "" }, ...cells, el("td", { class: "cites" }, ...f.at.flatMap((i) => [citation(i), " "]))));
    }
    shownFigures = Math.min(rows.length, shownFigures + PAGE);
    $("#n-figures").textContent = t("n_figures", rows.length);
    more($("#more-figures"), rows.length - shownFigures);
  }

  /* A cell that a spreadsheet would take for a formula gets an apostrophe in front. */
  const cell = (text) => `"${String(text ?? "").replace(/^[=+\-@\t\r]/, "'$&").replace(/"/g, '""')}"`;

  function download() {
    const head = ["theme", "measure", "subject", "change", "shown", "value", "unit", "period", "amount", "amount_unit", "doc", "para", "text"];
    const lines = rows.map((f) => {
      const at = f.at.map((i) => paragraphs[i]);
      const number = f.low === null ? "" : f.low === f.high ? String(f.low) : `${f.low}–${f.high}`;
      const cells = [labelOf("t", f.theme), f.measure, f.subject, f.change, f.shown, f.value, f.unit, f.period].map(cell);
      return [...cells, number, cell(f.amount), cell(at.map((p) => docs[p[DOC]].name).join("; ")), cell(at.map((p) => p[PARA]).join("; ")), cell(f.text)].join(",");
    });
    const blob = new Blob(["\ufeff" + [head.join(","), ...lines].join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" });
    const link = el("a", { href: URL.createObjectURL(blob), download: "figures.csv" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // ---- reader ---------------------------------------------------------------------------------------------
  const reader = $("#reader");
  const pane = $(".body", reader);
  let opener = null;
  let span = [0, 0];

  const bounds = (doc) => [docs[doc].first, docs[doc].last + 1];

  function paragraphNode(i, needle) {
    const p = paragraphs[i];
    const text = needle ? marked(p[TEXT], found(p[TEXT], needle)) : [p[TEXT]];
    const node = el("div", { class: `rp k${p[KIND]}${needle ? " hit" : ""}`, "data-at": i, lang: "zh-CN", tabindex: needle ? "-1" : null },
      el("span", { class: "no" }, `¶${p[PARA]}`), ...text, needle ? tagsOf(p) : "");
    if (needle) node.setAttribute("aria-current", "true");
    return node;
  }

  /* The words of a digest sentence as they stand in the source: it may have left clauses out. */
  const pieces = (text) => text.toLowerCase().split(/[，。；：！？、…,;!?\s]+/).filter((piece) => piece.length > 3);

  function open(i, text, from) {
    const p = paragraphs[i];
    if (!p) return;
    const before = from ? from.getBoundingClientRect().top : 0;
    const [low, high] = bounds(p[DOC]);
    span = [Math.max(low, i - 5), Math.min(high, i + 6)];
    $("#h-reader").textContent = docs[p[DOC]].title || docs[p[DOC]].name;
    pane.replaceChildren();
    for (let k = span[0]; k < span[1]; k++) pane.append(paragraphNode(k, k === i ? pieces(text) : null));
    frameButtons(low, high);
    $$("a.on").forEach((link) => link.classList.remove("on"));
    if (from) { opener = from; if (from.classList.contains("cite")) from.classList.add("on"); }
    reader.hidden = false;
    document.body.classList.add("reading");
    $(".frame").inert = !matchMedia("(min-width: 64rem)").matches;
    // The page becomes narrower: what was clicked stays where the eye is.
    if (from) window.scrollBy({ top: from.getBoundingClientRect().top - before, behavior: "instant" });
    const hit = $(".hit", pane);
    hit.focus({ preventScroll: true });
    hit.scrollIntoView({ block: "center", behavior: "instant" });
  }

  function frameButtons(low, high) {
    $$(":scope > button", pane).forEach((button) => button.remove());
    const grow = (back) => () => {
      const [from, to] = back ? [Math.max(low, span[0] - 20), span[0]] : [span[1], Math.min(high, span[1] + 20)];
      const nodes = [];
      for (let k = from; k < to; k++) nodes.push(paragraphNode(k, null));
      const height = pane.scrollHeight;
      if (back) $(".rp", pane).before(...nodes); else $$(".rp", pane).at(-1).after(...nodes);
      if (back) pane.scrollTop += pane.scrollHeight - height;
      span = back ? [from, span[1]] : [span[0], to];
      frameButtons(low, high);
    };
    if (span[0] > low) pane.prepend(el("button", { type: "button", class: "quiet", id: "earlier", onclick: grow(true) }, t("earlier")));
    if (span[1] < high) pane.append(el("button", { type: "button", class: "quiet", id: "later", onclick: grow(false) }, t("later")));
  }

  function close() {
    reader.hidden = true;
    document.body.classList.remove("reading");
    $(".frame").inert = false;
    $$("a.on").forEach((link) => link.classList.remove("on"));
    if (opener && opener.isConnected) opener.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-i]");
    if (!link) return;
    event.preventDefault();
    const item = link.closest("[data-item], [data-p], li, tr");
    const words = item && $(".q", item);
    open(Number(link.dataset.i), words ? words.textContent : "", link);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !reader.hidden) close();
  });

  // ---- start ----------------------------------------------------------------------------------------------
  let timer = 0;
  form.addEventListener("input", (event) => {
    clearTimeout(timer);
    timer = setTimeout(show, event.target === fields.query ? 180 : 0);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show, 0));
  $("#lang").addEventListener("click", () => { lang = 1 - lang; translate(); });
  $("#print").addEventListener("click", () => window.print());
  $("#close").addEventListener("click", close);
  $("#csv").addEventListener("click", download);
  $("#more-hits").addEventListener("click", () => drawHits(false));
  $("#more-figures").addEventListener("click", () => drawFigures(false));
  for (const link of $$(".to-table")) {
    link.addEventListener("click", () => { form.reset(); fields.theme.value = link.dataset.theme; show(); });
  }
  // On paper nothing can be unfolded, and only a whole table of figures is worth its sheets.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    while (shownFigures < Math.min(rows.length, 2000)) drawFigures(false);
    unfolded = $$("main details:not([open])").filter((node) => !node.closest("blockquote, .voices li"));
    unfolded.forEach((node) => { node.open = true; });
  });
  window.addEventListener("afterprint", () => unfolded.forEach((node) => { node.open = false; }));

  const wide = matchMedia("(min-width: 64rem)");
  const unfold = () => { $("#filterbox").open = wide.matches; };
  wide.addEventListener("change", unfold);
  unfold();
  for (const node of $$(".js")) node.hidden = false;
  if (!figures.length) { $("#figures").hidden = true; $$('a[href="#figures"]').forEach((link) => { link.hidden = true; }); }
  if (!paragraphs.length) { for (const part of ["#explorer", "#filterbox"]) $(part).hidden = true; $$('a[href="#explorer"]').forEach((link) => { link.hidden = true; }); }
  $("#h-explorer").tabIndex = -1;
  translate();
  const at = /^#p(\d+)$/.exec(location.hash);
  if (at) open(Number(at[1]), "", null);
})();
