// Before anything is drawn: the theme that was chosen, else that of the system.
window.smpp_theme = () => {
  const chosen = localStorage.getItem("theme"), system = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"
  document.documentElement.dataset.theme = chosen === "dark" || chosen === "light" ? chosen : system
}
window.smpp_theme()
