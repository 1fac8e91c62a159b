export { tokens, stripStyles } from './ansi.js';
export { displayWidth } from './width.js';
export { paint } from './paint.js';
export { wrap } from './wrap.js';
export { fit } from './fit.js';
export { renderTable } from './table.js';
