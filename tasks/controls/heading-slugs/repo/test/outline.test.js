'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { headings, outline, toc } = require('..');

test('finds headings outside of code', () => {
  const text = '# One #\n```\n# not one\n~~~\n```\n### Three\n#no\n';
  assert.deepEqual(headings(text), [{ level: 1, text: 'One' }, { level: 3, text: 'Three' }]);
});

test('has distinct slugs', () => {
  assert.deepEqual(outline('# A b\n# A b').map(({ slug }) => slug), ['a-b', 'a-b-2']);
});

test('lists headings', () => {
  assert.equal(toc('## A\n### B\n## C'), '- [A](#a)\n  - [B](#b)\n- [C](#c)');
});
