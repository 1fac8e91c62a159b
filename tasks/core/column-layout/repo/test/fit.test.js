import test from 'node:test';
import assert from 'node:assert/strict';
import { fit, displayWidth, paint, tokens } from '../src/index.js';

test('pads to either side', () => {
  assert.equal(fit('ab', 5), 'ab   ');
  assert.equal(fit('ab', 5, 'right'), '   ab');
  assert.equal(fit('ab', 5, 'center'), ' ab  ');
});

test('cuts what is too wide', () => {
  assert.equal(fit('abcdef', 4), 'abc…');
  assert.equal(fit('日本東京', 6), '日本… ');
});

test('does not style the padding', () => {
  const text = paint('ab', { bg: 'blue' });
  assert.equal(fit(text, 4), `${text}  `);
  assert.equal(fit('\x1b[44mabcdef', 4), '\x1b[44mabc…\x1b[0m');
});

test('measures', () => {
  assert.equal(displayWidth('e\u0301a'), 2);
  assert.equal(displayWidth('日本'), 4);
  assert.equal(displayWidth(paint('x', { bold: true, fg: 200 })), 1);
});

test('splits text into tokens', () => {
  assert.deepEqual([...tokens('\x1b[1me\u0301日')], [
    { kind: 'style', text: '\x1b[1m', width: 0 },
    { kind: 'char', text: 'e\u0301', width: 1 },
    { kind: 'char', text: '日', width: 2 },
  ]);
});
