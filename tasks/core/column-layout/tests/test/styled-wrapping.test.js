import { describe, it } from 'node:test';
import assert from 'node:assert/strict';
import { wrap, paint, renderTable, stripStyles, displayWidth, fit } from '../src/index.js';

const PLAIN = { bold: false, underline: false, fg: 'default', bg: 'default' };

function apply(look, numbers) {
  const queue = numbers.length === 0 ? [0] : [...numbers];
  let next = { ...look };
  while (queue.length > 0) {
    const code = queue.shift();
    if (code === 0) next = { ...PLAIN };
    else if (code === 1) next.bold = true;
    else if (code === 22) next.bold = false;
    else if (code === 4) next.underline = true;
    else if (code === 24) next.underline = false;
    else if (code === 39) next.fg = 'default';
    else if (code === 49) next.bg = 'default';
    else if (code === 38 || code === 48) {
      const count = queue[0] === 5 ? 2 : 4;
      next[code === 38 ? 'fg' : 'bg'] = [code - 8, ...queue.splice(0, count)].join(';');
    } else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) next.fg = String(code);
    else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107)) next.bg = String(code);
    else assert.fail(`unexpected style number ${code}`);
  }
  return next;
}

/** What a terminal shows: code points with their look, and the look that is left at the end. */
function show(text) {
  const cells = [];
  let look = { ...PLAIN };
  let at = 0;
  while (at < text.length) {
    const found = /^\x1b\[([0-9;]*)m/.exec(text.slice(at));
    if (found !== null) {
      look = apply(look, found[1] === '' ? [] : found[1].split(';').map(Number));
      at += found[0].length;
      continue;
    }
    const char = String.fromCodePoint(text.codePointAt(at));
    assert.notEqual(char, '\x1b', 'a style sequence was cut');
    cells.push([char, JSON.stringify(look)]);
    at += char.length;
  }
  return { cells, end: look };
}

const inked = ({ cells }) => cells.filter(([char]) => char !== ' ' && char !== '\n');

function checkStyled(text, width, plainLines) {
  const lines = wrap(text, width);
  assert.deepEqual(lines.map(stripStyles), plainLines);
  const shown = lines.map(show);
  for (const { end } of shown) assert.deepEqual(end, PLAIN);
  assert.deepEqual(shown.flatMap(inked), inked(show(text)));
  return shown;
}

describe('styles over several lines', () => {
  it('a colour reaches every line and ends with it', () => {
    checkStyled('\x1b[31mone two\x1b[0m', 4, ['one', 'two']);
    checkStyled(`so ${paint('all 214 targets are up', { fg: 'green' })} to date`, 10, [
      'so all 214', 'targets', 'are up to', 'date',
    ]);
  });

  it('several styles stay in effect together', () => {
    checkStyled('\x1b[1mbold \x1b[4mboth \x1b[31mthree three \x1b[44mfour four\x1b[0m none', 5, [
      'bold', 'both', 'three', 'three', 'four', 'four', 'none',
    ]);
    checkStyled('\x1b[1;4;97;101mone two\x1b[m three', 5, ['one', 'two', 'three']);
  });

  it('styles end one by one', () => {
    checkStyled('\x1b[1;4;31;44mone two\x1b[22m one two\x1b[39m one two\x1b[24m one two\x1b[49m one two', 3, [
      'one', 'two', 'one', 'two', 'one', 'two', 'one', 'two', 'one', 'two',
    ]);
  });

  it('a sequence may end styles and start others', () => {
    checkStyled('\x1b[1;31mone two\x1b[0;4mtwo six\x1b[;32mten ten\x1b[0m', 6, ['one', 'twotwo', 'sixten', 'ten']);
  });

  it('palette and true colours are kept whole', () => {
    checkStyled('\x1b[1m\x1b[38;5;0mone two\x1b[0m six', 3, ['one', 'two', 'six']);
    checkStyled('\x1b[4m\x1b[48;2;0;1;22mone two \x1b[38;5;24msix ten\x1b[39m and', 3, [
      'one', 'two', 'six', 'ten', 'and',
    ]);
    checkStyled('\x1b[38;2;0;0;0;1mone two\x1b[48;5;39m six ten', 3, ['one', 'two', 'six', 'ten']);
  });

  it('a style goes on behind a line break', () => {
    checkStyled('\x1b[1mone\ntwo\x1b[31m\n\nsix\x1b[0m\nten', 9, ['one', 'two', '', 'six', 'ten']);
  });

  it('a style that is never ended does not leave the text', () => {
    checkStyled('one \x1b[45mtwo six', 3, ['one', 'two', 'six']);
    checkStyled('one \x1b[45mtwo', 20, ['one two']);
  });

  it('a background reaches over the space between words', () => {
    const [line] = checkStyled('\x1b[44mone two\x1b[0m six', 20, ['one two six']);
    const spaces = line.cells.filter(([char]) => char === ' ').map(([, look]) => JSON.parse(look).bg);
    assert.deepEqual(spaces, ['44', 'default']);
  });
});

describe('places to break', () => {
  it('are counted in cells inside long words', () => {
    assert.deepEqual(wrap('東京都庁舎', 4), ['東京', '都庁', '舎']);
    assert.deepEqual(wrap('a東京都b', 4), ['a東', '京都', 'b']);
    assert.deepEqual(wrap('x 😀😀😀 y', 5), ['x', '😀😀', '😀 y']);
    for (const line of wrap('漢字かな交じり文を折り返す', 7)) assert.ok(displayWidth(line) <= 7, line);
  });

  it('are never before a combining mark', () => {
    assert.deepEqual(wrap('e\u0301e\u0301e\u0301e\u0301e\u0301', 2), ['e\u0301e\u0301', 'e\u0301e\u0301', 'e\u0301']);
    checkStyled('\x1b[4mabe\u0301cd\x1b[0m', 3, ['abe\u0301', 'cd']);
  });

  it('are the same in a styled long word', () => {
    const link = 'https://example.org/a/rather/long/path';
    checkStyled(`see ${paint(link, { underline: true, fg: 33 })} there`, 20, [
      'see', 'https://example.org/', 'a/rather/long/path', 'there',
    ]);
    checkStyled('\x1b[1mabc\x1b[31mdef\x1b[0mghij kl', 4, ['abcd', 'efgh', 'ij', 'kl']);
    checkStyled('\x1b[32m東\x1b[1m京\x1b[0m都', 4, ['東京', '都']);
  });

  it('do not come from sequences that stand alone', () => {
    checkStyled('\x1b[31mdone \x1b[0m', 4, ['done']);
    checkStyled('\x1b[31mdone \x1b[0m', 40, ['done']);
    checkStyled('one \x1b[1m two \x1b[0m six', 7, ['one two', 'six']);
    checkStyled(' \x1b[1m \x1b[0m ', 7, ['']);
    checkStyled('\x1b[1m one', 7, ['one']);
  });

  it('stay where they are in plain text', () => {
    assert.deepEqual(wrap('see abcdefghij for it', 6), ['see', 'abcdef', 'ghij', 'for it']);
    assert.deepEqual(wrap('  lead  and   trail  ', 8), ['lead and', 'trail']);
    assert.deepEqual(wrap('abcdef', 3), ['abc', 'def']);
    assert.deepEqual(wrap('\n\n', 3), ['', '', '']);
  });
});

describe('tables with styled cells', () => {
  it('have plain borders around wrapped styles', () => {
    const cell = paint('all targets are up to date', { bold: true, bg: 'blue' });
    const table = renderTable([[cell, cell], ['x', 'y']], { widths: [9, 12] });
    assert.equal(
      stripStyles(table),
      [
        '| all       | all targets  |',
        '| targets   | are up to    |',
        '| are up to | date         |',
        '| date      |              |',
        '| x         | y            |',
      ].join('\n'),
    );
    const styled = JSON.stringify({ ...PLAIN, bold: true, bg: '44' });
    for (const line of table.split('\n').slice(0, 4)) {
      const { cells, end } = show(line);
      assert.deepEqual(end, PLAIN);
      for (const [char, look] of cells) {
        if (char === '|') assert.equal(look, JSON.stringify(PLAIN));
        else if (char !== ' ') assert.equal(look, styled);
      }
    }
  });

  it('keep one line for what fits', () => {
    assert.equal(fit('ab', 5, 'center'), ' ab  ');
    assert.equal(renderTable([['a', 'b']], { widths: [2, 2] }), '| a  | b  |');
  });
});
