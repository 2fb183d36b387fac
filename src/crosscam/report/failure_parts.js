"use strict";

// The parts of the page as elements. All text is set as text, so that no name can become markup.

const FIRST = 10;

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function imageSource(image) {
  return `pictures/${Math.floor(image / DATA.perFolder)}/${image}.jpg`;
}

function picture(image, alt, mark = "") {
  const attributes = { src: imageSource(image), alt, loading: "lazy", decoding: "async", class: `picture ${mark}` };
  return element("img", attributes);
}

function whoIs(image) {
  const camid = DATA.images.camid ? `, camera ${DATA.images.camid[image]}` : "";
  return `person ${DATA.images.pid[image]}${camid}`;
}

const capital = (words) => words[0].toUpperCase() + words.slice(1);

const percent = (share) => `${(100 * share).toFixed(1)} %`;

// No model is certain, so that none is called so.
function chanceOf(probability) {
  if (probability > 0.9995) return "over 99.9 %";
  return probability < 0.0005 ? "below 0.1 %" : percent(probability);
}

function howFar(distance, probability) {
  const chance = probability === undefined ? "" : `, same person: ${chanceOf(probability)}`;
  return `distance ${distance}${chance}`;
}

function firstRank(row) {
  const first = DATA.queries.first[row];
  return first ? `first true match at rank ${first}` : "no match in the gallery";
}

function firstMatch(row) {
  const precision = DATA.queries.precision[row];
  return firstRank(row) + (precision === null ? "" : `, average precision ${percent(precision)}`);
}

/** A row of the list: a link that says all in words, with pictures of the first ten. */
function queryRow(row) {
  const image = DATA.queries.image[row];
  const { image: images, right } = DATA.ranked;
  const who = whoIs(image);
  const words = element("span", { class: "words" }, element("b", {}, capital(who)));
  const precision = DATA.queries.precision[row];
  words.append(element("span", {}, firstRank(row)));
  if (precision !== null) words.append(element("span", {}, `AP ${percent(precision)}`));
  const strip = element("span", { class: "strip" }, picture(image, "", "query"));
  images[row].slice(0, FIRST).forEach((found, place) => strip.append(picture(found, "", right[row][place] ? "right" : "wrong")));
  return element("a", { href: `#query-${row}`, "aria-label": `${who}: ${firstMatch(row)}` }, words, strip);
}

/** A gallery image of a query that can be chosen, to be seen beside it. */
function foundButton(row, found) {
  const words = [`${found.right ? "✓" : "✗"} ${found.rank}`, DATA.images.camid ? `camera ${DATA.images.camid[found.image]}` : "", String(found.distance)];
  const label = `rank ${found.rank}: ${found.right ? "right" : "wrong"}, ${whoIs(found.image)}, ${howFar(found.distance, found.probability)}`;
  const button = element("button", { type: "button", class: "found", "aria-label": label }, picture(found.image, "", found.right ? "right" : "wrong"));
  words.filter(Boolean).forEach((word) => button.append(element("span", {}, word)));
  button.addEventListener("click", () => choosePair(row, found));
  return button;
}

function rankedOf(row) {
  const { image, right, distance, probability } = DATA.ranked;
  return image[row].map((one, place) => ({
    image: one, rank: place + 1, right: right[row][place], distance: distance[row][place], probability: probability?.[row][place],
  }));
}

function matchesOf(row) {
  const { image, rank, distance, probability } = DATA.matches;
  return image[row].map((one, place) => ({
    image: one, rank: rank[row][place], right: 1, distance: distance[row][place], probability: probability?.[row][place],
  }));
}

/** Two pictures side by side, with what is known of both. */
function pairCard(title, one, other, right, words) {
  const side = (image, mark, alt) => element("figure", {}, picture(image, alt, mark), element("figcaption", {}, whoIs(image), element("small", {}, DATA.images.name[image])));
  return element("div", { class: "pair" },
    element("h4", {}, title),
    element("div", { class: "sides" }, side(one, "query", "the query"), side(other, right ? "right" : "wrong", right ? "the same person" : "somebody else")),
    element("p", {}, words));
}

function pairOf(row, found, title) {
  return pairCard(title, DATA.queries.image[row], found.image, found.right, `rank ${found.rank}, ${howFar(found.distance, found.probability)}`);
}

function choosePair(row, found) {
  const place = document.getElementById("chosen");
  place.replaceChildren(pairOf(row, found, `Chosen: ${found.right ? "a true match" : "somebody else"}`));
  place.scrollIntoView({ block: "nearest" });
}

/** All there is to see of a query: pairs, the ranked gallery, the true matches. */
function queryDetail(row) {
  const ranked = rankedOf(row), matches = matchesOf(row);
  const pairs = element("div", { class: "pairs" }, element("div", { id: "chosen", "aria-live": "polite" }));
  if (ranked.length && !ranked[0].right) pairs.append(pairOf(row, ranked[0], "Rank 1: somebody else"));
  if (matches.length) pairs.append(pairOf(row, matches[0], "The nearest true match"));
  const total = DATA.queries.matches[row];
  const shown = matches.length < total ? `; the nearest ${matches.length} are shown` : "";
  const last = total > 1 ? ` The last is at rank ${DATA.queries.last[row]}.` : "";
  return element("div", {},
    element("p", {}, `${capital(firstMatch(row))}.`),
    element("p", { class: "soft name" }, DATA.images.name[DATA.queries.image[row]]),
    pairs,
    element("h3", {}, `The nearest ${ranked.length} of the gallery`),
    element("p", { class: "soft" }, "Choose one to see it beside the query."),
    element("div", { class: "gallery" }, ...ranked.map((found) => foundButton(row, found))),
    element("h3", {}, `True matches: ${total}${shown}`),
    element("p", { class: "soft" }, total ? `Every picture of the person that counts for this query, with its rank.${last}` : "The gallery has no picture of the person that counts for this query."),
    element("div", { class: "gallery" }, ...matches.map((found) => foundButton(row, found))));
}

/** A picture that opens a query, where that is on the page. */
function queryLink(row, image, words) {
  const content = [picture(image, whoIs(image), "query"), element("span", {}, words)];
  return row < 0 ? element("span", { class: "found" }, ...content) : element("a", { class: "found", href: `#query-${row}` }, ...content);
}

function hubItem(hub) {
  const words = `Wrongly at rank 1 of ${hub.atFirst}, among the first ten of ${hub.among} queries, of ${hub.people} people.`;
  const queries = hub.queries.map((query) => queryLink(query.row, query.image, `rank ${query.rank}`));
  const more = hub.among > queries.length ? ` ${queries.length} are shown.` : "";
  return element("li", { class: "hub" },
    element("figure", {}, picture(hub.image, whoIs(hub.image), "wrong"), element("figcaption", {}, whoIs(hub.image), element("small", {}, DATA.images.name[hub.image]))),
    element("div", {}, element("p", {}, words + more), element("div", { class: "gallery" }, ...queries)));
}

function suspectItem(suspect, isSame) {
  const more = suspect.pairs > 1 && !isSame ? `; ${suspect.pairs} such pairs of these two` : "";
  const card = pairCard("", suspect.query, suspect.image, isSame, howFar(suspect.distance, suspect.probability) + more);
  card.firstChild.remove();
  if (suspect.row >= 0) card.append(element("a", { href: `#query-${suspect.row}` }, "the query's ranking"));
  return element("li", {}, card);
}
