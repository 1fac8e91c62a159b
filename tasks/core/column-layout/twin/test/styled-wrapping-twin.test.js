import test from 'node:test';
import assert from 'node:assert/strict';
import { wrap, stripStyles } from '../src/index.js';

test('twin: places to break are counted in cells inside long words', () => {
  assert.deepEqual(wrap('東京都庁舎', 4), ['東', '京都庁', '舎']);
});

test('twin: a colour reaches every line and ends with it', () => {
  const lines = wrap('\x1b[31mone two\x1b[0m', 4);
  assert.deepEqual(lines.map(stripStyles), ['one', 'owt']);
});
