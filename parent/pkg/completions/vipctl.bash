# bash completion for vipctl; installed as /usr/share/bash-completion/completions/vipctl

_vipctl_instances() {
    local name rest
    vipctl "$@" show 2>/dev/null | while read -r name rest; do
        case $name in
        INSTANCE | '!' | no) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

_vipctl() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]}
    local command= socket=() word i
    COMPREPLY=()

    case $previous in
    -s | --socket)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    esac

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
        -s | --socket) socket=(-s "${COMP_WORDS[++i]}") ;;
        show | explain | monitor | metrics | failover | maintenance | priority | reload | check)
            command=$word
            ;;
        esac
    done

    case $command,$current in
    show,-*) mapfile -t COMPREPLY < <(compgen -W '--json --socket --help' -- "$current") ;;
    explain,-* | monitor,-*)
        mapfile -t COMPREPLY < <(compgen -W '--json --socket --help' -- "$current")
        ;;
    show,* | explain,* | failover,* | priority,*)
        mapfile -t COMPREPLY < <(compgen -W "$(_vipctl_instances "${socket[@]}")" -- "$current")
        ;;
    maintenance,*) mapfile -t COMPREPLY < <(compgen -W 'on off for' -- "$current") ;;
    metrics,* | reload,* | monitor,*) mapfile -t COMPREPLY < <(compgen -W '--socket --help' -- "$current") ;;
    check,-*) mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$current") ;;
    check,*) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *,-*) mapfile -t COMPREPLY < <(compgen -W '--socket --json --help --version' -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W 'show explain monitor metrics failover maintenance priority reload check' -- "$current") ;;
    esac
}

complete -F _vipctl vipctl
