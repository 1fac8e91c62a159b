'use strict';

const { admits, parseRange } = require('./range');
const { compareVersions } = require('./version');

/** A sorted copy, oldest first. */
function sortVersions(versions) {
  return [...versions].sort(compareVersions);
}

function admitted(range, versions, options) {
  const parsed = parseRange(range);
  return sortVersions(versions.filter((version) => admits(parsed, version, options)));
}

/** The newest of the versions that the range admits, or null. */
function newest(range, versions, options) {
  return admitted(range, versions, options).at(-1) ?? null;
}

/** The oldest of the versions that the range admits, or null. */
function oldest(range, versions, options) {
  return admitted(range, versions, options)[0] ?? null;
}

module.exports = { sortVersions, newest, oldest };
