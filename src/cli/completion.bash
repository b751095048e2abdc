# bash completion: what can follow is asked of slalom itself
_slalom() {
  local offered
  offered=$("${COMP_WORDS[0]}" help complete "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)
  mapfile -t COMPREPLY < <(compgen -W "$offered" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _slalom slalom
