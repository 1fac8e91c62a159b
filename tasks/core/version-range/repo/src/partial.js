'use strict';

const { makeVersion, parseVersion } = require('./version');

const PARTIAL = /^v?(x|X|\*|\d+)(?:\.(x|X|\*|\d+))?(?:\.(x|X|\*|\d+))?$/;
const LOWEST = Object.freeze([0]);

/**
 * Reads a version as it may stand in a range. The result has the numbers that were given, at most
 * three, and for a complete version that version itself. Null where the text is neither.
 */
function parsePartial(text) {
  const found = PARTIAL.exec(text);
  if (found === null) return readComplete(text);
  const numbers = [];
  for (const part of found.slice(1)) {
    if (part === undefined || !/^\d+$/.test(part)) break;
    numbers.push(Number(part));
  }
  return numbers.length === 3 ? readComplete(text) : { numbers, version: null };
}

function readComplete(text) {
  try {
    const version = parseVersion(text);
    return { numbers: [version.major, version.minor, version.patch], version };
  } catch {
    return null;
  }
}

/** The numbers with zeros for those left out. */
function filled(numbers, prerelease = []) {
  const [major = 0, minor = 0, patch = 0] = numbers;
  return makeVersion(major, minor, patch, prerelease);
}

/** The lowest version of the block that the numbers stand for. */
function blockStart(numbers) {
  return filled(numbers, LOWEST);
}

/** The lowest version behind the block that the numbers stand for; there must be at least one. */
function blockEnd(numbers) {
  const next = [...numbers];
  next[next.length - 1] += 1;
  return filled(next, LOWEST);
}

module.exports = { parsePartial, filled, blockStart, blockEnd };
