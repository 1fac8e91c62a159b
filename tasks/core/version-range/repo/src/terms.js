'use strict';

const { written, derived } = require('./bound');
const { filled, blockStart, blockEnd } = require('./partial');

function lowerBound({ numbers, version }) {
  return version === null ? derived('>=', blockStart(numbers)) : written('>=', version);
}

function blockBounds(partial) {
  if (partial.version !== null) return [written('=', partial.version)];
  if (partial.numbers.length === 0) return [];
  return [lowerBound(partial), derived('<', blockEnd(partial.numbers))];
}

function tildeBounds(partial) {
  if (partial.numbers.length === 0) return [];
  return [lowerBound(partial), derived('<', blockEnd(partial.numbers.slice(0, 2)))];
}

function caretBounds(partial) {
  const { numbers } = partial;
  if (numbers.length === 0) return [];
  const leading = numbers.findIndex((number) => number !== 0);
  const kept = leading === -1 ? numbers.length : leading + 1;
  return [lowerBound(partial), derived('<', blockEnd(numbers.slice(0, kept)))];
}

function comparisonBounds(operator, { numbers, version }) {
  return [written(operator, version === null ? filled(numbers) : version)];
}

/** The bounds that one term of a range stands for; all of them have to hold. */
function termBounds(operator, partial) {
  switch (operator) {
    case '':
      return blockBounds(partial);
    case '~':
      return tildeBounds(partial);
    case '^':
      return caretBounds(partial);
    default:
      return comparisonBounds(operator, partial);
  }
}

/** The bounds of `first - last`. */
function hyphenBounds(first, last) {
  return [...termBounds('>=', first), ...termBounds('<=', last)];
}

module.exports = { termBounds, hyphenBounds };
