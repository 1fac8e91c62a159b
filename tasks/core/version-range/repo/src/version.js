'use strict';

const NUMBER = '0|[1-9][0-9]*';
const IDENTIFIERS = '[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*';
const VERSION = new RegExp(
  `^v?(${NUMBER})\\.(${NUMBER})\\.(${NUMBER})(?:-(${IDENTIFIERS}))?(?:\\+${IDENTIFIERS})?$`,
);

class VersionError extends Error {
  constructor(text) {
    super(`not a version: ${JSON.stringify(text)}`);
    this.name = 'VersionError';
  }
}

function readIdentifier(text) {
  return /^[0-9]+$/.test(text) ? Number(text) : text;
}

function makeVersion(major, minor, patch, prerelease = []) {
  return Object.freeze({ major, minor, patch, prerelease: Object.freeze([...prerelease]) });
}

/** Parses one complete version; a parsed version is returned as it is. */
function parseVersion(text) {
  if (typeof text === 'object' && text !== null) return text;
  const found = VERSION.exec(String(text).trim());
  if (found === null) throw new VersionError(text);
  const [, major, minor, patch, prerelease] = found;
  const identifiers = prerelease === undefined ? [] : prerelease.split('.').map(readIdentifier);
  return makeVersion(Number(major), Number(minor), Number(patch), identifiers);
}

function compareIdentifiers(a, b) {
  if (typeof a !== typeof b) return typeof a === 'number' ? -1 : 1;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function comparePrereleases(a, b) {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let i = 0; i < Math.min(a.length, b.length); i += 1) {
    const order = compareIdentifiers(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Negative, zero or positive, as for Array.prototype.sort. */
function compareVersions(left, right) {
  const a = parseVersion(left);
  const b = parseVersion(right);
  return (
    a.major - b.major ||
    a.minor - b.minor ||
    a.patch - b.patch ||
    comparePrereleases(a.prerelease, b.prerelease)
  );
}

function sameTriple(a, b) {
  return a.major === b.major && a.minor === b.minor && a.patch === b.patch;
}

function formatVersion(version) {
  const { major, minor, patch, prerelease } = parseVersion(version);
  const tail = prerelease.length === 0 ? '' : `-${prerelease.join('.')}`;
  return `${major}.${minor}.${patch}${tail}`;
}

module.exports = {
  VersionError,
  makeVersion,
  parseVersion,
  compareVersions,
  sameTriple,
  formatVersion,
};
