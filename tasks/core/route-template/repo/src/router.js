'use strict';

const { parseTemplate } = require('./template');
const { match } = require('./match');
const { build } = require('./build');
const { parseQuery, formatQuery } = require('./query');

class Router {
  constructor() {
    this.routes = [];
    this.byName = new Map();
  }

  /** Adds a route behind those already there. Names are unique. */
  add(name, template) {
    if (this.byName.has(name)) throw new Error(`there is already a route named "${name}"`);
    const route = { name, template, segments: parseTemplate(template) };
    this.routes.push(route);
    this.byName.set(name, route);
    return this;
  }

  /** The first route that matches, with its parameters and the query; null where none does. */
  find(url) {
    for (const route of this.routes) {
      const params = match(route.segments, url);
      if (params !== null) return { name: route.name, params, query: this.queryOf(url) };
    }
    return null;
  }

  queryOf(url) {
    const hash = url.indexOf('#');
    const whole = hash === -1 ? url : url.slice(0, hash);
    const mark = whole.indexOf('?');
    return parseQuery(mark === -1 ? '' : whole.slice(mark));
  }

  /** The URL of a named route. */
  url(name, params, query = {}) {
    const route = this.byName.get(name);
    if (route === undefined) throw new Error(`there is no route named "${name}"`);
    const path = build(route.segments, params);
    const tail = formatQuery(query);
    return tail === '' ? path : `${path}?${tail}`;
  }
}

function createRouter() {
  return new Router();
}

module.exports = { createRouter, Router };
