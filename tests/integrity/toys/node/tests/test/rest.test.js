'use strict';
const { describe, it } = require('node:test');
const assert = require('node:assert');
const { half, shares } = require('../lib/money.js');

describe('a rest', () => {
  it('goes up', () => assert.strictEqual(half(11), 6));
  it('is shared', () => assert.deepStrictEqual(shares(11, 3), [4, 4, 3]));
});
