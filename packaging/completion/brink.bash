# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# bash completion of brink. Install as brink in the completions folder of bash-completion, or source it.

# The resources that `brink COMMAND` knows, from its help.
_brink_resources() {
    brink "$1" --help 2>/dev/null | sed -n '/^resources:/,/^$/ s/^  \([a-z_]*\) .*/\1/p'
}

_brink_values() {
    case $1 in
        -w | --watch)
            compopt -o nospace
            mapfile -t COMPREPLY < <(compgen -S = -W "$(_brink_resources "${COMP_WORDS[1]}")" -- "$2")
            ;;
        -r | --resource) mapfile -t COMPREPLY < <(compgen -W "$(_brink_resources limits)" -- "$2") ;;
        --interval) mapfile -t COMPREPLY < <(compgen -W "1s 2s 5s 10s" -- "$2") ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -W "text json${3:+ $3}" -- "$2") ;;
        --since | --until) mapfile -t COMPREPLY < <(compgen -W "1h 2h 1d 7d" -- "$2") ;;
        --type)
            mapfile -t COMPREPLY < <(compgen -W "crossing initial denied limit_changed exit lost resync action" -- "$2")
            ;;
        --engine) mapfile -t COMPREPLY < <(compgen -W "auto kernel tracepoint poll" -- "$2") ;;
        --events | --btf | --exe | --history | --socket | --control | --plot | --samples)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$2")
            ;;
        --pid | --tid) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && printf '%s ' [0-9]*)" -- "$2") ;;
        --unit) mapfile -t COMPREPLY < <(compgen -W "$(systemctl list-units --plain --no-legend 2>/dev/null | cut -d ' ' -f 1)" -- "$2") ;;
        --user) mapfile -t COMPREPLY < <(compgen -u -- "$2") ;;
        --comm) mapfile -t COMPREPLY < <(compgen -W "$(ps -eo comm= | sort -u)" -- "$2") ;;
        --restart-grace | --restart-delay) mapfile -t COMPREPLY < <(compgen -W "1s 5s 10s 30s 1m" -- "$2") ;;
        --poll-interval) mapfile -t COMPREPLY < <(compgen -W "10ms,1s" -- "$2") ;;
        --on | --cgroup | --container | --restart-max | --max-subjects | -n | --lines) ;;
        *) return 1 ;;
    esac
}

# The index of the first word that belongs to the command of `brink run`, or nothing.
_brink_command_index() {
    local i word
    for ((i = 2; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            --)
                echo $((i + 1))
                return
                ;;
            -w | --watch | --on | -o | --output | --events | --engine | --btf | --poll-interval | --max-subjects | \
                --restart-grace | --restart-delay | --restart-max)
                ((i++))
                # bash takes "--on 80%=restart" apart at the equals sign.
                while [[ ${COMP_WORDS[i + 1]:-} == = || ${COMP_WORDS[i + 1]:-} == : ]]; do ((i += 2)); done
                ;;
            -*) while [[ ${COMP_WORDS[i + 1]:-} == = ]]; do ((i += 2)); done ;;
            *)
                echo "$i"
                return
                ;;
        esac
    done
}

_brink_actions() {
    local actions="evidence signal: exec:"
    [[ $1 != run ]] || actions+=" restart fail"
    compopt -o nospace
    mapfile -t COMPREPLY < <(compgen -W "$actions" -- "$2")
}

_brink() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} subcommand=${COMP_WORDS[1]:-}
    local common="--watch --on --output --events --engine --btf --poll-interval --max-subjects --help" index options
    COMPREPLY=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "run watch top limits latency doctor events status test-sink --help --version" -- "$current")
        return
    fi
    case $subcommand in
        run) options="$common --restart-grace --restart-delay --restart-max" ;;
        watch) options="$common --pid --tid --unit --cgroup --comm --exe --user --container --realtime --all --system" ;;
        top) options="--resource --once --lines --interval --engine --output --help" ;;
        limits) options="--resource --all --lines --watch --interval --engine --output --help" ;;
        latency)
            options="--threads --affinity --priority --policy --interval --distance --duration --loops --histogram --worst"
            options+=" --plot --samples --mlockall --quiet --smp --default-system --output --btf --help"
            ;;
        doctor) options="--output --btf --help" ;;
        status) options="--output --socket --control --help" ;;
        events)
            options="--since --until --resource --type --pid --comm --unit --cgroup --user --lines --follow --forecast"
            options+=" --output --history --help"
            ;;
        test-sink) options="--output --control --help" ;;
        *) return ;;
    esac
    if [[ $subcommand == latency && $previous == --policy ]]; then
        mapfile -t COMPREPLY < <(compgen -W "fifo rr other batch idle" -- "$current")
        return
    fi
    if [[ $subcommand == run ]]; then
        index=$(_brink_command_index)
        if [[ -n $index ]]; then
            if declare -F _command_offset >/dev/null; then
                _command_offset "$index"
            elif ((index == COMP_CWORD)); then
                mapfile -t COMPREPLY < <(compgen -c -- "$current")
            else
                compopt -o filenames
                mapfile -t COMPREPLY < <(compgen -f -- "$current")
            fi
            return
        fi
    fi
    # Behind the equals sign of --on LEVEL=ACTION.
    if [[ $current == = && ${COMP_WORDS[COMP_CWORD - 2]} == --on ]]; then
        _brink_actions "$subcommand" ""
    elif [[ $previous == = && ${COMP_WORDS[COMP_CWORD - 3]} == --on ]]; then
        _brink_actions "$subcommand" "$current"
    elif [[ $subcommand != limits || $previous != --watch ]] &&
        _brink_values "$previous" "$current" "$([[ $subcommand != events ]] || echo csv)"; then
        return
    elif [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [[ $subcommand == run ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    fi
}

complete -F _brink brink
