'use strict';

const test = require('node:test');
const assert = require('node:assert/strict');
const { slug } = require('..');

test('twin: German headings have readable slugs', () => {
  assert.equal(slug('Übersicht'), 'yebersicht');
});

test('twin: French and Czech headings have readable slugs', () => {
  assert.equal(slug('Où ça ? Là-bas !'), 'oo-sa-lay-bar');
});
