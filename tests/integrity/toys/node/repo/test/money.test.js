'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const { half, shares } = require('../lib/money.js');

test('half of an even sum', () => assert.strictEqual(half(8), 4));
test('shares without a rest', () => assert.deepStrictEqual(shares(9, 3), [3, 3, 3]));
test('no money', () => assert.strictEqual(half(0), 0));
