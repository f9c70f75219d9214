// Numbers, times and octets for people.

const whole = new Intl.NumberFormat("en")
const DASH = "–"

/** 12,345 */
export function count(n) { return n === null || n === undefined ? DASH : whole.format(Math.round(n)) }

/** 12.3k, 4.5M: never wider than six characters. */
export function short(n) {
  if (n === null || n === undefined) return DASH
  const size = Math.abs(n)
  if (size >= 1e9) return (n / 1e9).toFixed(1) + "G"
  if (size >= 1e6) return (n / 1e6).toFixed(size >= 1e8 ? 0 : 1) + "M"
  if (size >= 1e4) return (n / 1e3).toFixed(size >= 1e5 ? 0 : 1) + "k"
  return size >= 100 || n % 1 === 0 ? whole.format(Math.round(n)) : n.toFixed(1)
}

/** 350 µs, 12 ms, 1.2 s, 3 min */
export function seconds(s) {
  if (s === null || s === undefined) return DASH
  if (s === 0) return "0 ms"
  if (s < 0.001) return Math.max(1, Math.round(s * 1e6)) + " µs"
  if (s < 1) return (s < 0.01 ? (s * 1000).toFixed(1) : Math.round(s * 1000)) + " ms"
  if (s < 120) return (s < 10 ? s.toFixed(1) : Math.round(s)) + " s"
  if (s < 7200) return Math.round(s / 60) + " min"
  return s < 172800 ? Math.round(s / 3600) + " h" : Math.round(s / 86400) + " d"
}

/** 12.5 % */
export function percent(share) {
  return share === null || share === undefined ? DASH : (share > 0 && share < 0.1 ? (share * 100).toFixed(1) : Math.round(share * 100)) + " %"
}

const two = (n) => String(n).padStart(2, "0")

/** 14:03:59 of Unix time, here */
export function time(unix) {
  if (!unix) return DASH
  const d = new Date(unix * 1000)
  return two(d.getHours()) + ":" + two(d.getMinutes()) + ":" + two(d.getSeconds())
}

/** 2026-01-31 14:03:59.123 of Unix time, here */
export function moment(unix) {
  if (!unix) return DASH
  const d = new Date(unix * 1000)
  return d.getFullYear() + "-" + two(d.getMonth() + 1) + "-" + two(d.getDate()) + " " + time(unix) + "." + String(d.getMilliseconds()).padStart(3, "0")
}

/** Lines of a dump of octets in hexadecimal: offset, octets, characters. */
export function dump(hex) {
  const lines = []
  for (let at = 0; at < hex.length; at += 32) {
    const pairs = hex.slice(at, at + 32).match(/../g)
    const characters = pairs.map((pair) => {
      const code = parseInt(pair, 16)
      return code >= 32 && code < 127 ? String.fromCharCode(code) : "·"
    })
    lines.push((at / 2).toString(16).padStart(4, "0") + "  " + pairs.join(" ").padEnd(47) + "  " + characters.join(""))
  }
  return lines.join("\n")
}
