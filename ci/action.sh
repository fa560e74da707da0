#!/usr/bin/env bash
# What the action for GitHub does: `action.sh plan | install | run | comment`, with the runner's environment and the
# action's inputs in the environment. crates/cli/tests/ci holds it to what it is to do.
set -euo pipefail

# Marks the action's comment, so that there is one at each pull request.
marker='<!-- verdict: comment -->'
# GitHub takes 65,536 characters for a comment.
comment_limit=60000

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
    fi
    output version "$version"
    output key "$key"
    output directory "${RUNNER_TOOL_CACHE:-$RUNNER_TEMP}/verdict/$version"
}

# What a build depends on.
sources() {
    cd "$GITHUB_ACTION_PATH"
    find Cargo.toml Cargo.lock crates -type f -print0 | sort -z | xargs -0 sha256sum
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

build_verdict() {
    local target=$RUNNER_TEMP/verdict-target
    CARGO_TARGET_DIR=$target cargo build --release --locked --manifest-path "$GITHUB_ACTION_PATH/Cargo.toml"
    cp "$target/release/verdict" "$VERDICT_DIRECTORY/verdict"
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
    case $name in
        *.zst) zstd -dcq "$work/$name" | tar -xf - -C "$work" ;;
        *) tar -xzf "$work/$name" -C "$work" ;;
    esac
    cp "$work/${name%.tar.*}/verdict" "$VERDICT_DIRECTORY/verdict"
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
    # The exit code is the same.
    verdict check -o sarif "${options[@]}" "${objects[@]}" >"$work/verdict.sarif" 2>"$work/sarif.err" || true
    [ -s "$work/verdict.sarif" ] && output sarif "$work/verdict.sarif"
    output check "$code"
    case $code in
        2) [ "${INPUT_ALLOW_REJECTED:-false}" = true ] || worse 2 ;;
        3) [ "${INPUT_ALLOW_UNSUPPORTED:-false}" = true ] || worse 3 ;;
        *) worse "$code" ;;
    esac
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

# Figures of the base, from a checkout of it, and of the head.
compare() {
    local base prefix code=0
    [ "${INPUT_COMPARE:-true}" = true ] || return 0
    base=$(base_commit)
    if [ -z "$base" ]; then
        printf 'verdict compare: there is no commit to compare with\n'
        return 0
    fi
    git cat-file -e "$base^{commit}" 2>/dev/null || git fetch --quiet --no-tags --depth=1 origin "$base" ||
        fail "commit $base is not there, and cannot be fetched"
    base=$(git rev-parse --verify --quiet "$base^{commit}" || git rev-parse FETCH_HEAD)
    prefix=$(git rev-parse --show-prefix)
    git worktree add --quiet --detach --force "$work/base" "$base"
    base_figures "$work/base/$prefix" || code=$?
    git worktree remove --force "$work/base"
    if [ "$code" != 0 ]; then
        printf '::warning::verdict: the base %s has no figures to compare with\n' "$base"
        return 0
    fi
    figures "$work/head.jsonl" || true # what is wrong with it, check has said
    compare_kernels
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
            grep -F "\"kernel\":\"$kernel\"" "$work/$side.jsonl" >"$work/$side.$kernel.jsonl" || true
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

base_figures() {
    [ -d "$1" ] || return 1
    (
        cd "$1"
        if [ -n "${INPUT_BUILD:-}" ]; then
            bash -euo pipefail -c "$INPUT_BUILD" || exit 1
        fi
        figures "$work/base.jsonl"
    )
}

# Whatever the verdicts: figures that are there.
figures() {
    verdict check -o jsonl --explain off "${options[@]}" "${objects[@]}" >"$1" || true
    [ -s "$1" ]
}

# Unusable input is worst, then a rejection, then what is unsupported.
worse() {
    case "$exit_code $1" in
        1\ * | *\ 1) exit_code=1 ;;
        2\ * | *\ 2) exit_code=2 ;;
        3\ * | *\ 3) exit_code=3 ;;
        *) ;;
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
    [ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$work/report.md" >>"$GITHUB_STEP_SUMMARY"
    {
        printf '%s\n' "$marker"
        shortened "$work/report.md"
    } >"$work/comment.md"
    output comment "$work/comment.md"
}

# As many whole lines as a comment may have.
shortened() {
    if [ "$(wc -c <"$1")" -le "$comment_limit" ]; then
        cat "$1"
        return 0
    fi
    head -c "$comment_limit" "$1" | sed '$d' | awk '
        /^```/ { fenced = !fenced }
        /^<details>/ { open++ }
        /^<\/details>/ { open-- }
        { print }
        END {
            if (fenced) print "```"
            while (open-- > 0) print "\n</details>"
        }'
    printf '\nThe rest is in the summary of the step.\n'
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

# The id of the action's comment, if there is one.
known_comment() {
    gh api --paginate "repos/$GITHUB_REPOSITORY/issues/$1/comments" \
        --jq ".[] | select(.body | startswith(\"$marker\")) | .id" | sed -n 1p
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
