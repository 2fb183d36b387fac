"use strict";

// The page: what is chosen, the list that renders what is in view, the query that is open, the keys.

const byId = (id) => document.getElementById(id);
const columns = filterColumns(DATA);
const choice = { text: "", order: "worst", kind: "", queryCamera: "", firstCamera: "", matchCamera: "" };
const VIEWS = ["queries", "hubs", "labels"];
let rows = [], view = "queries", current = -1, opened = -1;
const rendered = new Map();

// The list: rows of one height, of which those in view, and some around them, are elements.

function renderRows() {
  const list = byId("rows");
  const height = byId("ruler").offsetHeight;
  list.style.height = `${rows.length * height}px`;
  const top = -list.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(top / height) - 3);
  const last = Math.min(rows.length, Math.ceil((top + window.innerHeight) / height) + 3);
  for (const [place, item] of rendered) {
    if (place >= first && place < last) continue;
    item.remove();
    rendered.delete(place);
  }
  for (let place = first; place < last; place += 1) {
    const item = rendered.get(place) ?? addRow(list, place);
    item.style.top = `${place * height}px`;
  }
}

function addRow(list, place) {
  const item = element("li", { "aria-posinset": place + 1, "aria-setsize": rows.length }, queryRow(rows[place]));
  const after = [...rendered.keys()].filter((other) => other > place);
  list.insertBefore(item, after.length ? rendered.get(Math.min(...after)) : null);
  rendered.set(place, item);
  item.firstChild.addEventListener("focus", () => { current = place; });
  return item;
}

function goTo(place) {
  if (!rows.length) return;
  current = Math.min(Math.max(place, 0), rows.length - 1);
  const height = byId("ruler").offsetHeight;
  const top = byId("rows").getBoundingClientRect().top + current * height;
  if (top < 0) window.scrollBy(0, top - 8);
  else if (top + height > window.innerHeight) window.scrollBy(0, top + height - window.innerHeight + 8);
  renderRows();
  rendered.get(current).firstChild.focus({ preventScroll: true });
}

// Filters, each with how many queries a value would leave.

function update() {
  rows = chooseRows(DATA, columns, choice);
  current = -1;
  rendered.forEach((item) => item.remove());
  rendered.clear();
  byId("status").textContent = `${rows.length.toLocaleString("en")} of ${columns.kind.length.toLocaleString("en")} queries`;
  updateKinds();
  ["queryCamera", "firstCamera", "matchCamera"].forEach(updateCameras);
  renderRows();
}

function updateKinds() {
  const counts = countValues(DATA, columns, choice, "kind");
  const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
  for (const input of document.querySelectorAll("input[name=kind]")) {
    const count = input.value ? counts.get(input.value) ?? 0 : all;
    input.parentElement.querySelector(".count").textContent = count.toLocaleString("en");
  }
}

function updateCameras(name) {
  const select = byId(name);
  const counts = countValues(DATA, columns, choice, name);
  const values = [...counts.keys()].filter(Boolean).sort((one, other) => one - other);
  const options = values.map((value) => element("option", { value }, `${value} (${counts.get(value)})`));
  select.replaceChildren(element("option", { value: "" }, "all"), ...options);
  select.value = choice[name];
}

function makeFilters() {
  const kinds = [{ key: "", title: "all" }, ...DATA.kinds];
  for (const { key, title } of kinds) {
    const input = element("input", { type: "radio", name: "kind", value: key });
    input.checked = !key;
    input.addEventListener("change", () => { choice.kind = key; update(); });
    byId("kinds").append(element("label", {}, input, element("span", {}, `${title} `, element("b", { class: "count" }))));
  }
  for (const name of [...FILTERS.slice(1), "order"]) {
    byId(name).addEventListener("change", (event) => { choice[name] = event.target.value; update(); });
  }
  byId("search").addEventListener("input", (event) => { choice.text = event.target.value; update(); });
  byId("cameras").hidden = !DATA.images.camid;
}

// Views and the open query, by the address: #queries, #hubs, #labels, #query-7.

function show(name) {
  view = name;
  for (const other of VIEWS) {
    byId(`view-${other}`).hidden = other !== name;
    const link = document.querySelector(`nav a[href="#${other}"]`);
    if (other === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (name === "queries") renderRows();
}

function openQuery(row) {
  if (row === opened && byId("query").open) return;
  opened = row;
  const image = DATA.queries.image[row];
  byId("title").textContent = `Query: ${whoIs(image)}`;
  byId("detail").replaceChildren(queryDetail(row));
  if (!byId("query").open) byId("query").showModal();
  byId("query").scrollTop = 0;
  const place = rows.indexOf(row);
  byId("previous").disabled = place <= 0;
  byId("next").disabled = place < 0 || place === rows.length - 1;
}

function step(by) {
  const place = rows.indexOf(opened);
  const next = place < 0 ? undefined : rows[place + by];
  if (next === undefined) return;
  openQuery(next);
  history.replaceState(null, "", `#query-${next}`); // which, unlike a new address, calls nobody
}

function closed() {
  if (byId("query").open) return; // opened again since
  const place = rows.indexOf(opened);
  opened = -1;
  if (location.hash.startsWith("#query-")) history.replaceState(null, "", `#${view}`);
  if (view === "queries" && place >= 0) goTo(place);
}

function follow() {
  const name = location.hash.slice(1);
  const row = /^query-\d+$/.test(name) ? Number(name.slice(6)) : -1;
  if (row >= 0 && row < columns.kind.length) openQuery(row);
  else {
    byId("query").close();
    show(VIEWS.includes(name) ? name : view);
  }
}

// Keys.

const KEYS = {
  "/": () => { location.hash = "queries"; show("queries"); byId("search").focus(); },
  "?": () => byId("keys").showModal(),
  j: () => goTo(current + 1),
  k: () => goTo(current - 1),
  ArrowDown: () => goTo(current + 1),
  ArrowUp: () => goTo(current - 1),
};
const OPENED_KEYS = { j: 1, ArrowRight: 1, k: -1, ArrowLeft: -1 };

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("keys").open) return;
  if (opened >= 0) {
    if (event.key === "?") KEYS["?"]();
    if (event.key in OPENED_KEYS) step(OPENED_KEYS[event.key]);
    return;
  }
  const isArrow = event.key.startsWith("Arrow");
  const target = event.target;
  if (target.id === "search") {
    if (event.key === "Escape") leaveSearch(target);
    if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); goTo(0); }
    return;
  }
  if (target.matches("select") || (isArrow && target.matches("input"))) return;
  if (view !== "queries" && (isArrow || event.key === "j" || event.key === "k")) return;
  if (event.key in KEYS) {
    event.preventDefault();
    KEYS[event.key]();
  } else if (event.key === "Enter" && target === document.body && current >= 0) {
    location.hash = `query-${rows[current]}`;
  }
}

function leaveSearch(search) {
  search.value = choice.text = "";
  update();
  search.blur();
}

function fill(id, items, make) {
  byId(id).replaceChildren(...items.map(make));
  byId(`no-${id}`).hidden = items.length > 0;
}

makeFilters();
fill("hub-list", DATA.hubs, hubItem);
fill("alike", DATA.alike, (suspect) => suspectItem(suspect, false));
fill("apart", DATA.apart, (suspect) => suspectItem(suspect, true));
fill("apart-in-camera", DATA.apartInCamera, (suspect) => suspectItem(suspect, true));
update();
document.addEventListener("keydown", onKey);
document.addEventListener("scroll", () => requestAnimationFrame(renderRows), { passive: true });
window.addEventListener("resize", renderRows);
window.addEventListener("hashchange", follow);
byId("query").addEventListener("close", closed);
byId("previous").addEventListener("click", () => step(-1));
byId("next").addEventListener("click", () => step(1));
byId("help").addEventListener("click", KEYS["?"]);
follow();
