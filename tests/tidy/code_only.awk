# code_only.awk: C code with comments and the insides of literals blanked out, line by
# line, so that a word in a sentence is not taken for a call.
{
  out = ""
  n = length($0)
  for (i = 1; i <= n; i++) {
    two = substr($0, i, 2)
    c = substr($0, i, 1)
    if (in_comment) {
      if (two == "*/") { in_comment = 0; i++ }
    } else if (quote != "") {
      if (c == "\\") i++
      else if (c == quote) { quote = ""; out = out c }
    } else if (two == "/*") { in_comment = 1; i++ }
    else if (two == "//") break
    else if (c == "\"" || c == "'") { quote = c; out = out c }
    else out = out c
  }
  quote = ""
  print out
}
