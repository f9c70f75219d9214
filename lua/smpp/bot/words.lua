--- The words that subscribers say, in the languages that carriers demand, and the texts that answer them.
local words = {}

--- No more messages: whole messages, without regard to marks.
words.stop = {
  "STOP", "STOPALL", "STOP ALL", "UNSUBSCRIBE", "OPTOUT", "OPT-OUT", "OPT OUT", "REVOKE", "ARRET", "STOPP", "ABMELDEN", "BAJA", "PARAR",
  "AFMELDEN", "СТОП", "ΣΤΟΠ", "DUR", "İPTAL",
}

--- The same outside a dialogue, where they end no question.
words.stop_outside = { "CANCEL", "END", "QUIT" }

--- Messages again, of one who has opted out.
words.start = { "START", "UNSTOP", "YES" }

words.help = { "HELP", "INFO", "AIDE", "HILFE", "AYUDA" }

--- These end a dialogue, whole messages.
words.cancel = {
  "CANCEL", "END", "QUIT", "ANNULER", "ABBRECHEN", "ABBRUCH", "CANCELAR", "ANNULLA", "ANNULEREN", "ОТМЕНА", "ΑΚΥΡΩΣΗ", "ANULUJ", "إلغاء",
}

--- Yes and no, by language.
words.yes_no = {
  en = { yes = { "yes", "y", "yep", "yeah", "ok", "okay", "sure", "👍" }, no = { "no", "n", "nope", "👎" } },
  de = { yes = { "ja", "j", "jawohl", "jo", "ok", "okay", "klar", "👍" }, no = { "nein", "n", "nee", "ne", "👎" } },
  fr = { yes = { "oui", "o", "ouais", "ok", "d'accord", "👍" }, no = { "non", "n", "👎" } },
  es = { yes = { "sí", "si", "s", "ok", "vale", "claro", "👍" }, no = { "no", "n", "👎" } },
  pt = { yes = { "sim", "s", "ok", "claro", "👍" }, no = { "não", "nao", "n", "👎" } },
  it = { yes = { "sì", "si", "s", "ok", "certo", "👍" }, no = { "no", "n", "👎" } },
  nl = { yes = { "ja", "j", "ok", "oké", "👍" }, no = { "nee", "n", "👎" } },
  pl = { yes = { "tak", "t", "ok", "👍" }, no = { "nie", "n", "👎" } },
  ru = { yes = { "да", "д", "ок", "ok", "👍" }, no = { "нет", "н", "👎" } },
  el = { yes = { "ναι", "ν", "οκ", "ok", "👍" }, no = { "όχι", "οχι", "ο", "👎" } },
  tr = { yes = { "evet", "e", "tamam", "ok", "👍" }, no = { "hayır", "h", "👎" } },
  ar = { yes = { "نعم", "أجل", "👍" }, no = { "لا", "👎" } },
}

--- What the bot says by itself; false: nothing.
words.texts = {
  cancelled = "Cancelled.",
  timeout = false,
  gave_up = "Sorry, that was not understood. Please start again.",
  sorry = "Sorry, something went wrong. Please try again later.",
  restarted = "Sorry, we were interrupted. Please start again.",
  stopped = "You will get no more messages from {name}. Send START to get them again.",
  started = "You will get messages from {name} again. Send STOP to get no more.",
  help = "{name}: send STOP to get no more messages.",
  expired = "This session has expired. Please dial again.",
  goodbye = "OK",
  leave = "Leave this conversation? Please answer yes or no.",
}

return words
