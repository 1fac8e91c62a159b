import test from 'node:test';
import assert from 'node:assert/strict';
import { renderTable } from '../src/index.js';

test('draws a table', () => {
  const rows = [['task', 'state'], ['build', 'all 214 targets are up to date']];
  assert.equal(
    renderTable(rows, { widths: [8, 14] }),
    [
      '| task     | state          |',
      '| build    | all 214        |',
      '|          | targets are up |',
      '|          | to date        |',
    ].join('\n'),
  );
});

test('aligns columns and fills missing cells', () => {
  assert.equal(renderTable([['a', 7], ['b']], { widths: [3, 4], align: ['left', 'right'] }), '| a   |    7 |\n| b   |      |');
});
