'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { parseTemplate } = require('..');

test('reads every kind of segment', () => {
  assert.deepEqual(parseTemplate('/a/:b/*c'), [
    { kind: 'literal', text: 'a' },
    { kind: 'param', name: 'b' },
    { kind: 'rest', name: 'c' },
  ]);
  assert.deepEqual(parseTemplate('/:page?'), [{ kind: 'optional', name: 'page' }]);
  assert.deepEqual(parseTemplate('/'), []);
});

test('refuses templates that cannot match', () => {
  for (const bad of ['a/b', '', '/a//b', '/:', '/*path/b', '/:a?/b', '/:a/:a']) {
    assert.throws(() => parseTemplate(bad), { name: 'TemplateError' }, bad);
  }
});
