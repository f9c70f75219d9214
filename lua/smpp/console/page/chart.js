// Curves over time on a canvas: points [t, value of each series …], null where there is none.
import { h, text } from "./dom.js"
import { time } from "./format.js"

const LEFT = 46, BOTTOM = 18, TOP = 8, RIGHT = 8, LINES = 4, LEAST_S = 60

/** The least of 1, 2, 4, 6, 8 times a power of ten that is at least so much: its quarters are short numbers. */
function nice(value) {
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 6, 8, 10].map((step) => step * power).find((step) => step >= value * 0.999)
}

const charts = new Set()

/** Draws all charts anew: the colours have changed. */
export function redraw() { for (const chart of charts) chart.plan() }

const sizes = new ResizeObserver((entries) => { for (const entry of entries) entry.target.chart.plan() })

export class Chart {
  /** o: { label, series: [{ name, colour: "--c1", fill }], format, span: seconds that are shown } */
  constructor(o) {
    this.o = o
    this.points = []
    this.now = 0
    this.top = 0
    this.canvas = h("canvas", { role: "img", "aria-label": o.label })
    this.canvas.chart = this
    this.values = o.series.map(() => h("b.num"))
    this.when = h("span.when")
    this.node = h("figure.chart",
      h("figcaption", h("h2", o.label), this.when, o.series.map((series, i) => {
        const mark = h("i")
        mark.style.background = `var(${series.colour})`
        return h("span.key", mark, series.name, this.values[i])
      })),
      h("div.canvas", this.canvas))
    this.canvas.addEventListener("pointermove", (event) => { this.hover = event.offsetX; this.plan() })
    this.canvas.addEventListener("pointerleave", () => { this.hover = null; this.plan() })
    sizes.observe(this.canvas)
    charts.add(this)
  }

  close() {
    sizes.unobserve(this.canvas)
    charts.delete(this)
  }

  draw(points, now) {
    this.points = points
    this.now = now
    this.plan()
  }

  plan() {
    if (this.planned) return
    this.planned = true
    requestAnimationFrame(() => { this.planned = false; this.paint() })
  }

  /** The point under the pointer, else the last one. */
  chosen(x) {
    if (this.hover === null || this.hover === undefined) return this.points[this.points.length - 1]
    let best
    for (const point of this.points) if (!best || Math.abs(x(point[0]) - this.hover) < Math.abs(x(best[0]) - this.hover)) best = point
    return best
  }

  paint() {
    const { canvas, points, o } = this, width = canvas.clientWidth, height = canvas.clientHeight
    if (!width || !height) return
    const scale = window.devicePixelRatio || 1
    if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
      canvas.width = Math.round(width * scale)
      canvas.height = Math.round(height * scale)
    }
    const style = getComputedStyle(canvas), ink = (name) => style.getPropertyValue(name).trim()
    const g = canvas.getContext("2d")
    g.setTransform(scale, 0, 0, scale, 0, 0)
    g.clearRect(0, 0, width, height)
    const span = Math.min(o.span, Math.max(LEAST_S, points.length ? this.now - points[0][0] : 0)), from = this.now - span
    let most = 0
    for (const point of points) if (point[0] >= from) for (let i = 1; i <= o.series.length; i++) most = Math.max(most, point[i] || 0)
    const top = nice(most * 1.05 || o.least || 1)
    const x = (t) => LEFT + (t - from) / span * (width - LEFT - RIGHT)
    const y = (v) => TOP + (1 - v / top) * (height - TOP - BOTTOM)
    g.font = "11px system-ui, sans-serif"
    g.lineWidth = 1
    this.grid(g, { ink, top, x, y, from, span, width, height })
    g.save()
    g.beginPath()
    g.rect(LEFT, 0, width - LEFT - RIGHT + 1, height - BOTTOM + 1)
    g.clip()
    o.series.forEach((series, i) => this.curve(g, series, i + 1, ink(series.colour), x, y, y(0)))
    g.restore()
    const chosen = this.chosen(x)
    if (chosen && this.hover !== null && this.hover !== undefined) {
      g.strokeStyle = ink("--dim")
      g.beginPath()
      g.moveTo(Math.round(x(chosen[0])) + 0.5, TOP)
      g.lineTo(Math.round(x(chosen[0])) + 0.5, height - BOTTOM)
      g.stroke()
    }
    o.series.forEach((_, i) => text(this.values[i], chosen ? o.format(chosen[i + 1]) : "–"))
    text(this.when, chosen && this.hover ? time(chosen[0]) : "")
    canvas.setAttribute("aria-label", o.label + ": " + o.series.map((series, i) => series.name + " " + this.values[i].textContent).join(", "))
  }

  grid(g, { ink, top, x, y, from, span, width, height }) {
    g.fillStyle = ink("--dim")
    g.strokeStyle = ink("--line")
    g.textAlign = "right"
    g.textBaseline = "middle"
    for (let i = 0; i <= LINES; i++) {
      const at = Math.round(y(top * i / LINES)) + 0.5
      g.beginPath()
      g.moveTo(LEFT, at)
      g.lineTo(width - RIGHT, at)
      g.stroke()
      g.fillText(this.o.format(top * i / LINES), LEFT - 6, at)
    }
    g.textAlign = "center"
    g.textBaseline = "alphabetic"
    const step = span <= 90 ? 15 : span <= 180 ? 30 : span <= 600 ? 60 : 300
    for (let t = Math.ceil(from / step) * step; t <= this.now; t += step) {
      if (x(t) > LEFT + 12 && x(t) < width - RIGHT - 16) g.fillText(time(t).slice(0, step < 60 ? 8 : 5), x(t), height - 4)
    }
  }

  curve(g, series, index, colour, x, y, floor) {
    g.strokeStyle = colour
    g.lineWidth = 1.75
    g.lineJoin = "round"
    let run = []
    const end = () => {
      if (run.length > 0) {
        g.beginPath()
        run.forEach((point, i) => g[i ? "lineTo" : "moveTo"](x(point[0]), y(point[index])))
        if (run.length === 1) g.lineTo(x(run[0][0]) + 1, y(run[0][index]))
        g.stroke()
        if (series.fill) {
          g.lineTo(x(run[run.length - 1][0]), floor)
          g.lineTo(x(run[0][0]), floor)
          g.globalAlpha = 0.12
          g.fillStyle = colour
          g.fill()
          g.globalAlpha = 1
        }
      }
      run = []
    }
    for (const point of this.points) {
      if (point[index] === null || point[index] === undefined) end()
      else run.push(point)
    }
    end()
  }
}
