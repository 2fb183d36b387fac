"use strict";

// Which queries are shown, and how many each filter would leave: functions of the data alone.

const FILTERS = ["kind", "queryCamera", "firstCamera", "matchCamera"];

/** What each row is, as text, one column a filter; "" where it is nothing, such as no camera. */
function filterColumns(data) {
  const camera = (image) => (image === undefined || !data.images.camid ? "" : String(data.images.camid[image]));
  return {
    kind: data.queries.kind.map((kind) => data.kinds[kind].key),
    queryCamera: data.queries.image.map(camera),
    firstCamera: data.ranked.image.map((images) => camera(images[0])),
    matchCamera: data.matches.image.map((images) => camera(images[0])),
  };
}

/** Whether a row is searched for: by whole numbers, which are pids, or by parts of file names.
 *
 * Ids are text, because a number of JavaScript is exact only to 2^53. */
function searchTest(data, text) {
  const words = text.trim().toLowerCase().split(/[\s,]+/).filter(Boolean);
  const pids = new Set(words.filter((word) => /^\d+$/.test(word)).map((word) => String(BigInt(word))));
  const parts = words.filter((word) => !/^\d+$/.test(word));
  return (row) => {
    if (!words.length) return true;
    const image = data.queries.image[row];
    return pids.has(data.images.pid[image]) || parts.some((part) => data.images.name[image].toLowerCase().includes(part));
  };
}

function passes(columns, choice, row, except) {
  return FILTERS.every((name) => name === except || !choice[name] || columns[name][row] === choice[name]);
}

/** Below 0 if an id comes before another, above 0 if after it, by their numbers. */
function compareIds(one, other) {
  const [left, right] = [BigInt(one), BigInt(other)];
  return left < right ? -1 : Number(left > right);
}

/** The rows that pass the search and every filter, in the order chosen. */
function chooseRows(data, columns, choice) {
  const found = searchTest(data, choice.text);
  const rows = [...columns.kind.keys()].filter((row) => found(row) && passes(columns, choice, row));
  const pid = (row) => data.images.pid[data.queries.image[row]];
  if (choice.order === "best") return rows.reverse();
  if (choice.order === "person") return rows.sort((one, other) => compareIds(pid(one), pid(other)) || one - other);
  return rows; // as they come: worst first
}

/** How many rows each value of a filter would leave, beside the search and the other filters. */
function countValues(data, columns, choice, name) {
  const found = searchTest(data, choice.text);
  const counts = new Map();
  columns[name].forEach((value, row) => {
    const count = counts.get(value) ?? 0;
    counts.set(value, count + (found(row) && passes(columns, choice, row, name)));
  });
  return counts;
}
