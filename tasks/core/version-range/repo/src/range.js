'use strict';

const { holds } = require('./bound');
const { parsePartial } = require('./partial');
const { termBounds, hyphenBounds } = require('./terms');
const { parseVersion, sameTriple } = require('./version');

const HYPHEN = /^(\S+)\s+-\s+(\S+)$/;
const TERM = /^(>=|<=|>|<|=|~|\^)?(.*)$/;

class VersionRangeError extends Error {
  constructor(text, term) {
    super(`not a version range: ${JSON.stringify(text)} (at "${term}")`);
    this.name = 'VersionRangeError';
  }
}

function readPartial(text, term) {
  const partial = parsePartial(term);
  if (partial === null) throw new VersionRangeError(text, term);
  return partial;
}

function parseAlternative(text, alternative) {
  const trimmed = alternative.trim();
  if (trimmed === '') return [];
  const hyphen = HYPHEN.exec(trimmed);
  if (hyphen !== null) {
    return hyphenBounds(readPartial(text, hyphen[1]), readPartial(text, hyphen[2]));
  }
  const joined = trimmed.replace(/(>=|<=|>|<|=|~|\^)\s+/g, '$1');
  return joined.split(/\s+/).flatMap((term) => {
    const [, operator = '', version] = TERM.exec(term);
    return termBounds(operator, readPartial(text, version));
  });
}

/** Parses a range into its alternatives, each a list of bounds. */
function parseRange(text) {
  if (typeof text === 'object' && text !== null) return text;
  const alternatives = text.split('||').map((part) => parseAlternative(text, part));
  return Object.freeze({ text, alternatives });
}

function mayBePrerelease(bounds, version) {
  return bounds.some(
    (bound) =>
      bound.isWritten && bound.version.prerelease.length > 0 && sameTriple(bound.version, version),
  );
}

function alternativeAdmits(bounds, version, prereleases) {
  if (!bounds.every((bound) => holds(bound, version))) return false;
  return prereleases || version.prerelease.length === 0 || mayBePrerelease(bounds, version);
}

/** Whether a range admits a version. */
function admits(range, version, { prereleases = false } = {}) {
  const parsed = parseVersion(version);
  return parseRange(range).alternatives.some((bounds) =>
    alternativeAdmits(bounds, parsed, prereleases),
  );
}

module.exports = { parseRange, admits, VersionRangeError };
