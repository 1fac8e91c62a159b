'use strict';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

class TemplateError extends Error {
  constructor(template, reason) {
    super(`bad route template ${JSON.stringify(template)}: ${reason}`);
    this.name = 'TemplateError';
  }
}

function parseSegment(text, template) {
  const sigil = text[0];
  if (sigil !== ':' && sigil !== '*') return { kind: 'literal', text };
  const optional = sigil === ':' && text.endsWith('?');
  const name = text.slice(1, optional ? -1 : undefined);
  if (!NAME.test(name)) throw new TemplateError(template, `"${text}" has no usable name`);
  if (sigil === '*') return { kind: 'rest', name };
  return { kind: optional ? 'optional' : 'param', name };
}

/**
 * Parses a template into a list of segments, each `{ kind, text }` or `{ kind, name }`.
 * Throws TemplateError for anything that cannot be matched.
 */
function parseTemplate(template) {
  if (typeof template !== 'string' || template[0] !== '/') {
    throw new TemplateError(template, 'it must start with "/"');
  }
  if (template === '/') return [];
  const segments = template.slice(1).split('/').map((text) => {
    if (text === '') throw new TemplateError(template, 'it has an empty segment');
    return parseSegment(text, template);
  });
  const seen = new Set();
  segments.forEach((segment, index) => {
    if (segment.kind === 'literal') return;
    if (seen.has(segment.name)) throw new TemplateError(template, `"${segment.name}" occurs twice`);
    seen.add(segment.name);
    const last = index === segments.length - 1;
    if (segment.kind !== 'param' && !last) {
      throw new TemplateError(template, `"${segment.name}" must be the last segment`);
    }
  });
  return segments;
}

module.exports = { parseTemplate, TemplateError };
