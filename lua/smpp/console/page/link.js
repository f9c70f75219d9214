// The link to the program: what it shows comes as frames, what it is asked goes as POST.

const RETRY_MS = [200, 500, 1000, 2000, 4000], SILENT_MS = 8000 // a frame comes twice a second
const LOGIN_MS = 12 * 3600 * 1000
const HIDDEN_MS = 10000 // after that a page that nobody sees leaves its connection to others: browsers have six for a host

export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || "the request failed: " + status)
    this.status = status
    this.code = document.code
    this.field = document.field
  }
}

function read(words) {
  try {
    return JSON.parse(words)
  } catch {
    return {}
  }
}

async function ask(path, options) {
  const answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options })
  const words = await answer.text()
  if (answer.status === 204) return null
  const value = read(words)
  if (!answer.ok) throw new Problem(answer.status, value)
  return value
}

export class Link {
  /** `take(frame)` gets what came, `tell("live" | "lost" | "login")` how it stands. */
  constructor(take, tell) {
    this.take = take
    this.tell = tell
    this.csrf = null
    this.token = null   // of this page's login, for a program that has been restarted; never stored, and no longer than a login
    this.cursor = null
    this.failures = 0
    this.run = 0
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.hiding)
      if (!document.hidden && !this.events && this.is_away) this.start()
      this.is_away = false
      if (document.hidden && this.events) this.hiding = setTimeout(() => { this.is_away = true; this.stop() }, HIDDEN_MS)
    })
  }

  post(path, body) {
    return ask("/console/" + path, {
      method: "POST", body: JSON.stringify(body || {}),
      headers: { "Content-Type": "application/json", ...(this.csrf ? { "X-CSRF-Token": this.csrf } : {}) },
    })
  }

  /** Asks the program to do something. */
  async call(action, body) {
    try {
      return await this.post("api/" + action, body)
    } catch (problem) {
      if (problem.status === 401) this.start()
      throw problem
    }
  }

  async login(token) {
    this.csrf = (await this.post("login", { token })).csrf
    this.token = token
    this.till = Date.now() + LOGIN_MS
    this.start()
  }

  async logout() {
    this.stop()
    this.token = null
    await this.post("logout").catch(() => null)
    this.csrf = null
    this.tell("login")
  }

  stop() {
    this.run++
    clearTimeout(this.timer)
    clearTimeout(this.watch)
    if (this.events) this.events.close()
    this.events = null
  }

  /** Asks for everything, then follows. */
  async start() {
    this.stop()
    const run = this.run
    try {
      this.got(await ask("/console/api/state"))
      if (run === this.run) this.follow(run)
    } catch (problem) {
      if (run === this.run) this.failed(problem)
    }
  }

  got(frame) {
    this.failures = 0
    if (frame.csrf) this.csrf = frame.csrf
    this.cursor = frame.cursor
    this.take(frame)
    this.tell("live")
  }

  follow(run) {
    const again = () => { if (run === this.run) this.failed({}) }
    const alive = () => {
      clearTimeout(this.watch)
      this.watch = setTimeout(again, SILENT_MS)
    }
    this.events = new EventSource("/console/api/stream?after=" + encodeURIComponent(this.cursor))
    this.events.onmessage = (event) => {
      if (run !== this.run) return
      alive()
      this.got(JSON.parse(event.data))
    }
    this.events.addEventListener("end", again)
    this.events.onerror = again
    alive()
  }

  failed(problem) {
    if (problem.status === 401) {
      this.stop()
      const token = this.token
      this.csrf = this.token = null
      if (!token || Date.now() > this.till) return this.tell("login")
      return this.login(token).catch(() => this.tell("login"))
    }
    this.stop()
    if (problem.status !== undefined || this.failures > 0) this.tell("lost")
    this.timer = setTimeout(() => this.start(), RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)])
  }
}
