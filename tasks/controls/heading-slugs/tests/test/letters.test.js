'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { slug, outline, toc } = require('..');

test('German headings have readable slugs', () => {
  assert.equal(slug('Übersicht'), 'ubersicht');
  assert.equal(slug('Straße & Häuser'), 'strase-hauser');
  assert.equal(slug('ÄÖÜäöü'), 'aouaou');
});

test('French and Czech headings have readable slugs', () => {
  assert.equal(slug('Où ça ? Là-bas !'), 'ou-ca-la-bas');
  assert.equal(slug('Příliš žluťoučký'), 'prilis-zlutoucky');
});

test('outlines of German documents', () => {
  assert.deepEqual(outline('# Grüße\n# Gruse').map((heading) => heading.slug), ['gruse', 'gruse-2']);
  assert.equal(toc('# Zöpfe'), '- [Zöpfe](#zopfe)');
});

test('English headings stay as they are', () => {
  assert.equal(slug("Don't panic: 42 - x"), 'dont-panic-42-x');
  assert.equal(slug('日本'), '');
});
