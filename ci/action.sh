#!/usr/bin/env bash
# What the action for GitHub does: `action.sh plan | install | run | comment`, with the runner's environment and the
# action's inputs in the environment. crates/cli/tests/ci holds it to what it is to do.
set -euo pipefail

# Marks the action's comment, so that there is one at each pull request.
marker='<!-- verdict: comment -->'
# GitHub takes 65,536 characters for a comment, and 1 MiB for a step's summary.
comment_limit=60000
summary_limit=1000000

fail() {
    printf '::error::verdict: %s\n' "$1" >&2
    exit 1
}

output() {
    printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

# A field of the event that started the workflow; nothing where there is none.
event() {
    [ -s "${GITHUB_EVENT_PATH:-}" ] || return 0
    command -v jq >/dev/null || fail "jq is needed to read $GITHUB_EVENT_PATH"
    jq -r "$1 // empty" "$GITHUB_EVENT_PATH"
}

# Which version is wanted, and where it is kept.
plan() {
    local version=${INPUT_VERSION:-} key
    if [ -z "$version" ]; then
        case ${ACTION_REF:-} in
            v[0-9]*.[0-9]*.[0-9]*) version=${ACTION_REF#v} ;;
            *) version=build ;;
        esac
    fi
    version=${version#v}
    key=verdict-${RUNNER_OS:-Linux}-${RUNNER_ARCH:-X64}-$version
    if [ "$version" = build ]; then
        key=$key-$(sources | sha256sum | cut -c 1-16)
    elif [ -n "${INPUT_SHA256:-}" ]; then
        key=$key-${INPUT_SHA256:0:16}
    fi
    output version "$version"
    output key "$key"
    # A runner may keep it from job to job: what is there is what the key says.
    output directory "${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/verdict/$key"
}

# What a build depends on: sources, the pages of rules that are embedded, and how cargo is to build.
sources() {
    cd "$GITHUB_ACTION_PATH"
    find Cargo.toml Cargo.lock .cargo crates docs/rules xtask -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
}

# Puts the program into the directory, if the cache has not, and the directory on the path.
install_verdict() {
    local directory=$VERDICT_DIRECTORY
    if [ ! -x "$directory/verdict" ]; then
        mkdir -p "$directory"
        if [ "$VERDICT_VERSION" = build ]; then
            build_verdict
        else
            fetch_verdict
        fi
    fi
    printf '%s\n' "$directory" >>"$GITHUB_PATH"
    "$directory/verdict" --version
}

# Where the sources are: cargo's settings are those of the directory that it runs in.
build_verdict() {
    local target=$RUNNER_TEMP/verdict-target
    (cd "$GITHUB_ACTION_PATH" && CARGO_TARGET_DIR=$target cargo build --release --locked --package bpf-verdict-cli)
    put_verdict "$target/release/verdict"
}

# All of the program, or nothing.
put_verdict() {
    cp "$1" "$VERDICT_DIRECTORY/verdict.part"
    mv "$VERDICT_DIRECTORY/verdict.part" "$VERDICT_DIRECTORY/verdict"
}

# A release has archives, named by version and target, and their sums.
fetch_verdict() {
    local releases=${VERDICT_RELEASES:-${GITHUB_SERVER_URL:-https://github.com}/$ACTION_REPOSITORY/releases/download}
    local from=$releases/v$VERDICT_VERSION work name target
    work=$(mktemp -d "$RUNNER_TEMP/verdict.XXXXXX")
    curl -fsSL --retry 3 -o "$work/SHA256SUMS" "$from/SHA256SUMS" || fail "there is no release $VERDICT_VERSION at $releases"
    case ${RUNNER_ARCH:-X64} in
        X64) target=x86_64 ;;
        ARM64) target=aarch64 ;;
        *) fail "there is no release for $RUNNER_ARCH: set the input 'version' to 'build'" ;;
    esac
    name=$(grep -o "verdict-$VERDICT_VERSION-$target-unknown-linux-[a-z]*\.tar\.\(zst\|gz\)\$" "$work/SHA256SUMS" | head -n 1) ||
        fail "release $VERDICT_VERSION has no archive for $target: set the input 'version' to 'build'"
    curl -fsSL --retry 3 -o "$work/$name" "$from/$name" || fail "$from/$name cannot be fetched"
    (cd "$work" && grep -F "$name" SHA256SUMS | sha256sum --check --quiet) || fail "$name is not what SHA256SUMS says"
    if [ -n "${INPUT_SHA256:-}" ]; then
        printf '%s  %s\n' "$INPUT_SHA256" "$work/$name" | sha256sum --check --quiet ||
            fail "$name is not what the input 'sha256' says"
    fi
    case $name in
        *.zst) zstd -dcq "$work/$name" | tar -xf - -C "$work" ;;
        *) tar -xzf "$work/$name" -C "$work" ;;
    esac
    put_verdict "$work/${name%.tar.*}/verdict"
}

# The options of all commands, and the objects. Globs are left to verdict, which knows `**`.
read_inputs() {
    set -f
    # Words are separated on purpose.
    # shellcheck disable=SC2206
    options=(${INPUT_ARGS:-})
    # shellcheck disable=SC2206
    objects=($INPUT_OBJECTS)
    # shellcheck disable=SC2206
    conditions=(${INPUT_FAIL_IF:-})
    set +f
    [ -z "${INPUT_KERNELS:-}" ] || options+=(--kernel "$INPUT_KERNELS")
    [ "${#objects[@]}" -gt 0 ] || fail "the input 'objects' is empty"
}

# Runs a command whose page is added to this file, not to the summary yet.
with_page() {
    GITHUB_STEP_SUMMARY=$1 "${@:2}"
}

# Annotations, the page of the check, and SARIF.
check() {
    local code=0
    with_page "$work/check.md" verdict check -o github "${options[@]}" "${objects[@]}" || code=$?
    check_sarif "$code"
    output check "$code"
    case $code in
        2) [ "${INPUT_ALLOW_REJECTED:-false}" = true ] || worse 2 ;;
        3) [ "${INPUT_ALLOW_UNSUPPORTED:-false}" = true ] || worse 3 ;;
        *) worse "$code" ;;
    esac
}

# The same as SARIF, with the same exit code.
check_sarif() {
    local code=0
    verdict check -o sarif "${options[@]}" "${objects[@]}" >"$work/verdict.sarif" 2>"$work/sarif.err" || code=$?
    if [ "$code" != "$1" ]; then
        cat "$work/sarif.err" >&2
        printf '::error::verdict: there is no SARIF: its exit code is %s, not %s\n' "$code" "$1"
        worse 1
    elif [ -s "$work/verdict.sarif" ]; then
        output sarif "$work/verdict.sarif"
    fi
}

gate() {
    local budget=${INPUT_BUDGET:-verdict.toml} code=0
    if [ ! -f "$budget" ] || ! grep -q '^\[\[budget\]\]' "$budget"; then
        printf 'verdict gate: %s has no budgets\n' "$budget"
        return 0
    fi
    with_page "$work/gate.md" verdict gate --budget "$budget" "${options[@]}" "${objects[@]}" || code=$?
    output gate "$code"
    if [ "$code" != 3 ] || [ "${INPUT_ALLOW_UNSUPPORTED:-false}" != true ]; then
        worse "$code"
    fi
}

# The commit to compare with.
base_commit() {
    local base=${INPUT_BASE:-}
    [ -n "$base" ] || base=$(event '.pull_request.base.sha')
    [ -n "$base" ] || base=$(event '.before')
    case $base in
        *[!0]*) printf '%s\n' "$base" ;;
        *) ;; # a branch that is new has no commit before
    esac
}

# Figures of the base, from a checkout of it, and of the head. Whatever fails here, the report is still to come.
compare() {
    local base commit prefix code=0
    [ "${INPUT_COMPARE:-true}" = true ] || return 0
    base=$(base_commit)
    if [ -z "$base" ]; then
        printf 'verdict compare: there is no commit to compare with\n'
        return 0
    fi
    if ! commit=$(fetched "$base") || ! prefix=$(git rev-parse --show-prefix) ||
        ! git worktree add --quiet --detach --force "$work/base" "$commit"; then
        printf '::error::verdict: commit %s is not there, and cannot be fetched\n' "$base"
        worse 1
        return 0
    fi
    base_figures "$work/base/$prefix" || code=$?
    git worktree remove --force "$work/base" || printf '::warning::verdict: %s remains\n' "$work/base"
    if [ "$code" != 0 ]; then
        printf '::warning::verdict: the base %s has no figures to compare with\n' "$base"
    elif ! figures "$work/head.jsonl"; then
        printf '::warning::verdict: there are no figures to compare\n'
    else
        compare_kernels
    fi
}

# The commit, which is fetched if a checkout has only newer ones.
fetched() {
    git rev-parse --verify --quiet "$1^{commit}" && return 0
    git fetch --quiet --no-tags --depth=1 origin "$1" || return 1
    git rev-parse --verify --quiet FETCH_HEAD
}

# A comparison for each kernel: programs of the same name are told apart by nothing else.
compare_kernels() {
    local kernel kernels condition side code result=0 arguments=()
    for condition in "${conditions[@]}"; do
        arguments+=(--fail-if "$condition")
    done
    mapfile -t kernels < <(cat "$work/base.jsonl" "$work/head.jsonl" | grep -o '"kernel":"[^"]*"' | cut -d '"' -f 4 | sort -u)
    for kernel in "${kernels[@]}"; do
        for side in base head; do
            grep -F "\"kernel\":\"$kernel\"" "$work/$side.jsonl" >"$work/$side.$kernel.jsonl" || : # it may have none
        done
        if [ "${#kernels[@]}" -gt 1 ]; then
            printf '%s:\n' "$kernel" | tee -a "$work/compare.md"
            printf '\n' >>"$work/compare.md"
        fi
        code=0
        with_page "$work/compare.md" verdict compare "${arguments[@]}" \
            "$work/base.$kernel.jsonl" "$work/head.$kernel.jsonl" || code=$?
        [ "$code" = 0 ] || result=$code
    done
    output compare "$result"
    worse "$result"
}

# What fails here ends it: `set -e` does not act where an exit code is asked for.
base_figures() {
    [ -d "$1" ] || return 1
    (
        cd "$1" || exit 1
        if [ -n "${INPUT_BUILD:-}" ]; then
            bash -euo pipefail -c "$INPUT_BUILD" || exit 1
        fi
        figures "$work/base.jsonl"
    )
}

# Whatever the verdicts: figures that are there. What is unusable has a line, too, but none of a kernel.
figures() {
    local code=0
    verdict check -o jsonl --explain off "${options[@]}" "${objects[@]}" >"$1" || code=$?
    [ "$code" -le 3 ] && grep -q '"kernel":"' "$1"
}

# Unusable input, and whatever else went wrong, is worst, then a rejection, then what is unsupported.
worse() {
    case "$exit_code $1" in
        *' 0' | '1 '* | '2 3') ;;
        *' 2' | *' 3') exit_code=$1 ;;
        *) exit_code=1 ;;
    esac
}

# The step's summary, and the comment: what changed comes first.
report() {
    local page
    for page in compare gate check; do
        if [ -s "$work/$page.md" ]; then
            cat "$work/$page.md" >>"$work/report.md"
            printf '\n' >>"$work/report.md"
        fi
    done
    [ -s "$work/report.md" ] || return 0
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] ||
        shortened "$work/report.md" "$summary_limit" "the step's log" >>"$GITHUB_STEP_SUMMARY"
    {
        printf '%s\n' "$marker"
        shortened "$work/report.md" "$comment_limit" 'the summary of the step'
    } >"$work/comment.md"
    output comment "$work/comment.md"
}

# As many whole lines of a page as so many bytes may have, and where the rest is.
shortened() {
    if [ "$(wc -c <"$1")" -le "$2" ]; then
        cat "$1"
        return 0
    fi
    head -c "$2" "$1" | sed '$d' | awk '
        /^```/ { fenced = !fenced }
        /^<details>/ { open++ }
        /^<\/details>/ { open-- }
        { print }
        END {
            if (fenced) print "```"
            while (open-- > 0) print "\n</details>"
        }'
    printf '\nThe rest is in %s.\n' "$3"
}

run() {
    exit_code=0
    work=$(mktemp -d "$RUNNER_TEMP/verdict.XXXXXX")
    read_inputs
    check
    gate
    compare
    report
    output exit-code "$exit_code"
    exit "$exit_code"
}

# Writes the comment anew, or for the first time. Without permission, as of a fork's pull request, nothing fails.
comment() {
    local number known
    number=$(event '.pull_request.number')
    if [ -z "$number" ]; then
        printf 'verdict: no pull request to comment on\n'
        return 0
    fi
    if ! known=$(known_comment "$number") || ! put_comment "$number" "$known"; then
        printf '::warning::verdict: the comment cannot be written: may the job write to pull requests?\n'
    fi
}

# The id of the action's comment, if there is one. Who writes the same marker is no bot.
known_comment() {
    gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments" \
        --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$marker\"))) | .id" | sed -n 1p
}

put_comment() {
    if [ -n "$2" ]; then
        gh api --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$2" -F "body=@$COMMENT_FILE" >/dev/null
    else
        gh api --method POST "repos/$GITHUB_REPOSITORY/issues/$1/comments" -F "body=@$COMMENT_FILE" >/dev/null
    fi
}

case ${1:-} in
    plan) plan ;;
    install) install_verdict ;;
    run) run ;;
    comment) comment ;;
    *) fail "expected plan, install, run or comment" ;;
esac
