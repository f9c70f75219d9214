// Elements.  What comes from outside gets into the page only as text nodes and as values of harmless attributes.

/** An element: h("div.card", { title: "…", onclick: f }, "text", child, [children], null). */
export function h(what, ...rest) {
  const [tag, ...classes] = what.split(".")
  const element = document.createElement(tag)
  if (classes.length) element.className = classes.join(" ")
  const [first] = rest
  if (first !== null && typeof first === "object" && !Array.isArray(first) && !(first instanceof Node)) {
    rest.shift()
    for (const [name, value] of Object.entries(first)) set(element, name, value)
  }
  append(element, rest)
  return element
}

function set(element, name, value) {
  if (value === undefined || value === null || value === false) return
  if (typeof value === "function") element.addEventListener(name.slice(2), value)
  else if (name === "value") element.value = value
  else element.setAttribute(name, value === true ? "" : String(value))
}

function append(parent, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(parent, child)
    else if (child !== null && child !== undefined && child !== false) parent.append(child instanceof Node ? child : String(child))
  }
}

/** Sets the text of an element if it is another one. */
export function text(element, value) {
  const words = value === null || value === undefined ? "" : String(value)
  if (element.textContent !== words) element.textContent = words
}

/** Sets or removes an attribute if it differs. */
export function attribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name)
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
}

/** Replaces the children of an element. */
export function fill(element, ...children) {
  element.replaceChildren()
  append(element, children)
  return element
}

/** Keeps the children of `parent` those of a list, in its order: `key(item)` tells them apart, `make(item)` makes one,
 *  `update(element, item)` shows the item as it is now. */
export function rows(parent, items, key, make, update) {
  const old = parent.keyed || new Map(), fresh = new Map()
  for (const item of items) {
    const name = key(item)
    if (fresh.has(name)) continue
    const element = old.get(name) || make(item)
    old.delete(name)
    fresh.set(name, element)
    if (update) update(element, item)
  }
  for (const element of old.values()) element.remove()
  let at = parent.firstChild
  for (const element of fresh.values()) {
    if (element === at) at = at.nextSibling
    else parent.insertBefore(element, at)
  }
  parent.keyed = fresh
}

/** A table in a frame that scrolls: the body of its rows is `.body`. */
export function table(label, columns, ...more) {
  const body = h("tbody")
  const frame = h("div.scroll", { tabindex: 0, role: "region", "aria-label": label },
    h("table", h("thead", h("tr", columns.map((column) =>
      typeof column === "string" ? h("th", { scope: "col" }, column) : h("th.num", { scope: "col" }, column.num)))), body), ...more)
  frame.body = body
  return frame
}

/** A word in a colour: "good", "warn", "bad", "calm" or none. */
export function tag(words, kind) { return h("span.tag" + (kind ? "." + kind : ""), words) }

/** A labelled control. */
export function field(label, control, hint) {
  return h("label.field", h("span", label), control, hint && h("small", hint))
}

/** Cells of a row, made once; `update(values)` sets their texts. */
export function cells(row, values) {
  values.forEach((value, i) => { if (!(value instanceof Node)) text(row.children[i], value) })
}
