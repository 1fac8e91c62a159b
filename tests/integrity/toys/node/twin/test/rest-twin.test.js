'use strict';
const { test } = require('node:test');
const assert = require('node:assert');
const { half } = require('../lib/money.js');

test('a rest goes up', () => assert.strictEqual(half(13), 8));
