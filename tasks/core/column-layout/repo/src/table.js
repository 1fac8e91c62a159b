import { fit } from './fit.js';
import { wrap } from './wrap.js';

function renderRow(row, widths, align) {
  const columns = widths.map((width, index) => wrap(String(row[index] ?? ''), width));
  const height = Math.max(...columns.map((lines) => lines.length));
  const lines = [];
  for (let at = 0; at < height; at += 1) {
    const cells = columns.map((column, index) => fit(column[at] ?? '', widths[index], align[index]));
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines;
}

/** Draws rows of cells as a table. `widths` and `align` have one entry a column. */
export function renderTable(rows, { widths, align = [] }) {
  return rows.flatMap((row) => renderRow(row, widths, align)).join('\n');
}
