'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { admits, newest } = require('..');

test('twin: up to and including a block', () => {
  const versions = ['0.9.0', '1.0.0', '2.0.0', '2.7.1', '3.0.0'];
  assert.deepEqual(versions.filter((version) => admits('<=2', version)), ['0.9.0', '1.0.0', '3.0.0']);
});

test('twin: picks by blocks', () => {
  assert.equal(newest('<=1.2 || >9', ['1.2.5', '2.7.1', '10.0.0']), '2.7.1');
});
