import { Prng } from "../../../src/base/prng.ts";

/** One run of the tool. */
export interface Step {
  readonly args: readonly string[];
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep the tool's own endpoint setting out: the step brings one. */
  readonly ownEndpoints?: boolean;
  /** Only the exit code counts: the text is the tool's own. */
  readonly exitOnly?: boolean;
  /** Alarms that the member is to have raised before; no tool raises any. 1 NOSPACE, 2 CORRUPT. */
  readonly raise?: 1 | 2;
}

function step(line: string, more: Omit<Step, "args"> = {}): Step {
  return { args: line === "" ? [] : line.split(" "), ...more };
}

/** Each line a step. */
function steps(...lines: readonly string[]): Step[] {
  return lines.map((line) => step(line));
}

const FORMATS = ["simple", "json", "fields", "protobuf", "table"];

/** The same command in every output format, and in hexadecimal. */
function inAllFormats(line: string): Step[] {
  return [
    ...FORMATS.map((format) => step(`${line} -w ${format}`)),
    ...["simple", "json", "fields"].map((format) => step(`${line} --hex -w ${format}`)),
  ];
}

/** Ids are the server's to choose: what is done to a lease that is there, see the lease suite. */
const LEASES: readonly Step[] = [
  ...["simple", "json", "fields", "table"].map((format) => step(`lease grant 100 -w ${format}`)),
  ...steps("lease list", "lease list -w json", "lease list -w fields", "lease list -w table"),
  step("lease list x"),
  ...["simple", "json", "fields"].map((format) => step(`lease grant 1 --hex -w ${format}`)),
  ...["simple", "json", "fields", "table"].flatMap((format) => [
    step(`lease timetolive 1234 -w ${format}`),
    step(`lease timetolive 1234 --keys -w ${format}`),
    step(`lease keep-alive --once 1234 -w ${format}`),
    step(`lease keep-alive 1234 -w ${format}`),
    step(`lease revoke 1234 -w ${format}`),
  ]),
  ...steps(
    "lease grant",
    "lease grant x",
    "lease grant 1 2",
    "lease grant 9000000001",
    "lease grant 99999999999999999999",
    "lease grant -- -5",
    "lease timetolive",
    "lease timetolive zz",
    "lease timetolive 1 2",
    "lease timetolive -- -5",
    "lease timetolive 1234 --hex -w fields",
    "lease timetolive -w nope 1234",
    "lease keep-alive",
    "lease keep-alive zz",
    "lease keep-alive 1 2",
    "lease revoke",
    "lease revoke zz",
    "lease revoke 8000000000000000",
    "lease revoke 1 2",
    "put a b --lease=1234",
  ),
];

const PUTS: readonly Step[] = [
  ...steps(
    "put foo bar",
    "put foo bar2 --prev-kv",
    "put new value --prev-kv",
    "put foo --ignore-value",
    "put foo --ignore-value --prev-kv -w json",
    "put absent --ignore-value",
    "put absent x --ignore-lease",
    "put foo bar3 --ignore-lease --prev-kv -w fields",
    "put foo x --ignore-value",
    "put foo --lease=zz",
    "put foo x --lease=zz",
    "put foo x --lease=ffff",
    "put foo x --lease=-1",
    "put foo x --lease=7fffffffffffffff",
    "put foo x --lease=8000000000000000",
    "put foo x --lease=-8000000000000000",
    "put",
    "put foo -w nope a",
    "put -- -dash -value",
    "put dash -- -value",
    "put three a b",
  ),
  { args: ["put", "", "x"] },
  { args: ["put", 'spaces and "quotes"', "line\nbreak\t<tab>&\u2028"] },
  { args: ["put", "unicode-ключ", "значение ☃ 🙂"] },
  { args: ["put", "empty", ""] },
  { args: ["put", "stdin"], stdin: "from stdin\nwith newline\n" },
  { args: ["put", "stdin"], stdin: "" },
  { args: ["put", "ctrl", "\u0001\u007f"] },
  ...FORMATS.map((format) => step(`put fmt v-${format} --prev-kv -w ${format}`)),
  step("put fmt v --prev-kv --hex"),
  step("put fmt v2 --prev-kv --hex -w fields"),
];

const FILL: readonly Step[] = [
  ["k/1", "v9"],
  ["k/2", "v8"],
  ["k/3", "v7"],
  ["k/2", "v6"],
  ["k/1", "v5"],
  ["k/1", "v5"],
  ["k/4", "a"],
  ["l", "0"],
].map((pair) => ({ args: ["put", ...pair] }));

const GETS: readonly Step[] = [
  ...inAllFormats("get foo"),
  ...inAllFormats("get --prefix k/"),
  ...steps(
    "get absent",
    "get absent -w json",
    "get absent -w fields",
    "get k/ l",
    "get k/ l --limit 2",
    "get k/ l --limit 2 -w json",
    "get k/ l --limit=-1",
    "get k/ --prefix --keys-only",
    "get k/ --prefix --keys-only -w json",
    "get k/ --prefix --count-only",
    "get k/ --prefix --count-only -w fields",
    "get k/ --prefix --count-only -w json",
    "get k/ --prefix --print-value-only",
    "get k/ --prefix --print-value-only -w json",
    "get k/ --prefix --print-value-only --hex",
    "get k/ --from-key",
    "get k/ --from-key --limit 3 -w fields",
    "get k/ --prefix --order ASCEND",
    "get k/ --prefix --order DESCEND",
    "get k/ --prefix --order descend --limit 2",
    "get k/ --prefix --sort-by CREATE",
    "get k/ --prefix --sort-by KEY --order DESCEND",
    "get k/ --prefix --sort-by MODIFY --order ASCEND",
    "get k/ --prefix --sort-by MODIFY --order DESCEND",
    "get k/ --prefix --sort-by VALUE",
    "get k/ --prefix --sort-by value --order descend",
    "get k/ --prefix --sort-by VERSION --order DESCEND",
    "get k/ --prefix --sort-by VERSION --limit 2",
    "get k/ --prefix --rev 40",
    "get k/ --prefix --rev 3",
    "get foo --rev 2",
    "get foo --rev -5",
    "get foo --rev 99999",
    "get foo --rev 9223372036854775807",
    "get foo --rev 9223372036854775808",
    "get foo --rev 0x2",
    "get foo --rev two",
    "get foo --rev=",
    "get foo --limit 9223372036854775807",
    "get k/ --prefix --min-create-rev 34",
    "get k/ --prefix --max-create-rev 34",
    "get k/ --prefix --min-mod-rev 37 --max-mod-rev 39 -w json",
    "get k/ --prefix --min-mod-rev 39 --max-mod-rev 37",
    "get k/ --prefix --min-create-rev 39 --max-create-rev 37",
    "get k/ --prefix --max-mod-rev -1",
    "get foo --consistency s",
    "get foo --consistency l",
    "get foo --consistency x",
    "get foo --consistency=",
    "get foo --order up",
    "get foo --sort-by size",
    "get foo --prefix --from-key",
    "get foo --keys-only --count-only",
    "get foo bar --prefix",
    "get foo bar --from-key",
    "get",
    "get foo -w xml",
    "get foo -w=json",
    "get foo -wjson",
    "get -w json foo",
    "get foo --prefix=false",
    "get foo --prefix=maybe",
    "get foo --limit",
    "get foo -w",
    "get foo --nope",
    "get foo -z",
    "get foo --=x",
    "g foo",
    "pu abbreviated yes",
    "get k/ --prefix --stream",
    "get k/ --prefix --stream -w json",
    "get k/ --prefix --stream -w fields",
    "get k/ --prefix --stream --limit 2 -w json",
    "get k/ --prefix --stream --order ASCEND",
    "get k/ --prefix --stream --order DESCEND",
    "get k/ --prefix --stream --sort-by VERSION",
    "get k/ --prefix --stream --min-mod-rev 3",
    "get absent --stream -w json",
    "get foo --stream --rev 99999",
    "get foo --stream --keys-only --hex",
  ),
  { args: ["get", "", "--prefix", "--keys-only"] },
  { args: ["get", "", "--from-key", "--keys-only"] },
  { args: ["get", ""] },
  { args: ["get", "foo", ""] },
];

const DELETES: readonly Step[] = [
  ...steps(
    "del absent",
    "del l",
    "del l -w json",
    "put d1 a",
    "put d2 b",
    "put d3 c",
    "del d1 --prev-kv",
    "del d1 d4 --range --prev-kv -w json",
    "put d1 a",
    "put d2 b",
    "del d --prefix --prev-kv -w fields",
    "put d1 a",
    "put d2 b",
    "del d --prefix -w protobuf",
    "put d1 a",
    "del d --prefix -w table",
    "put zz1 a",
    "put zz2 b",
    "del zz --from-key --prev-kv --hex",
    "del",
    "del a b c",
    "del a b --prefix",
    "del a --prefix --from-key",
    "del x0 x1",
    "del d9 d0 --range",
  ),
  { args: ["del", ""] },
];

const COMPARES = [
  'mod("foo") > "0"',
  'version("foo") = "1"',
  'ver("absent") = "0"',
  'c("foo") != "0"',
  'create("foo") < "2"',
  'val("foo") = "bar3"',
  'value("foo") > "a"',
  'm("foo") = "-1"',
  'value("unicode-\\u043a\\u043b\\u044e\\u0447") != "x"',
  "value(`foo`) != `x`",
  'm("foo") = "9223372036854775807"',
];

const BAD_COMPARES = [
  "nonsense",
  'foo("bar") = "1"',
  'mod("foo") = "x"',
  'mod("foo") = 1',
  'mod(foo) = "1"',
  'mod("foo")="1"',
  'mod("foo") = "9223372036854775808"',
  'mod("foo" = "1"',
  'mod("foo") =',
];

const BAD_REQUESTS = [
  "get",
  "nope foo",
  "put",
  "put a",
  "get a --nope",
  "get a --limit x",
  'put "a\\q" b',
  "get a --order up",
  "get a b --prefix",
  "del a --prefix --from-key",
  "put a b --lease=zz",
];

function transaction(
  compare: readonly string[],
  yes: readonly string[],
  no: readonly string[],
): string {
  return [compare, yes, no]
    .map((block) => `${block.map((line) => `${line}\n`).join("")}\n`)
    .join("");
}

const BRANCHES = [
  ["put t1 yes", "get t1", "get k/ --prefix --limit 2", "del t1 --prev-kv"],
  ["put t1 no --prev-kv", 'get "foo" --keys-only', "del absent"],
] as const;

const TXNS: readonly Step[] = [
  ...COMPARES.map((line) => ({
    args: ["txn"],
    stdin: transaction([line], ["get foo --keys-only"], ["get new"]),
  })),
  ...FORMATS.map((format) => ({
    args: ["txn", "-w", format],
    stdin: transaction([COMPARES[0] as string], ...BRANCHES),
  })),
  { args: ["txn", "--hex"], stdin: transaction([COMPARES[0] as string], ...BRANCHES) },
  { args: ["txn", "-w", "json"], stdin: transaction(['ver("foo") = "0"'], ...BRANCHES) },
  { args: ["txn", "-i"], stdin: transaction([], ["put t2 'single quoted'", 'put t3 "a\\tb"'], []) },
  { args: ["txn"], stdin: transaction([], [], []) },
  { args: ["txn"], stdin: transaction([], ["put t4 1", "put t4 2"], []) },
  { args: ["txn"], stdin: transaction([], ["get foo --rev 99999"], []) },
  { args: ["txn"], stdin: transaction([], ["g foo", "p t5 x"], []) },
  ...BAD_COMPARES.map((line) => ({ args: ["txn"], stdin: transaction([line], [], []) })),
  ...BAD_REQUESTS.map((line) => ({ args: ["txn"], stdin: transaction([], [line], []) })),
  { args: ["txn"], stdin: 'mod("foo") > "0"\n' },
  { args: ["txn"], stdin: "" },
  { args: ["txn", "argument"], stdin: "" },
];

const COMPACTIONS: readonly Step[] = [
  ...steps(
    "compaction",
    "compaction x",
    "compaction 9223372036854775808",
    "compaction 99999",
    "compaction 5",
    "compaction 5",
    "compaction 4",
    "compaction 10 --physical",
    "compaction 1 2",
    "get foo --rev 3",
    "get foo --rev 10 --stream",
    "get foo --rev 3 --stream",
  ),
];

const CLUSTER: readonly Step[] = [
  ...FORMATS.map((format) => step(`endpoint status -w ${format}`)),
  ...FORMATS.map((format) => step(`endpoint health -w ${format}`)),
  ...FORMATS.map((format) => step(`member list -w ${format}`)),
  ...FORMATS.map((format) => step(`alarm list -w ${format}`)),
  ...steps(
    "endpoint status --cluster",
    "endpoint health --cluster",
    "endpoint status --hex -w fields",
    "member list --hex -w json",
    "member list --hex -w fields",
    "member list --consistency s",
    "member list --consistency x",
    "alarm list extra",
    "alarm disarm extra",
  ),
];

/** Files are made in the directory of temporary ones, of other names in each play. */
const MAINTENANCE: readonly Step[] = [
  ...steps("defrag", "defrag extra", "defrag --cluster", "defrag -w json", "defrag --nope"),
  step("--endpoints=127.0.0.1:1 --command-timeout=300ms defrag", { ownEndpoints: true }),
  ...steps("snapshot save", "snapshot save a b"),
  step("snapshot nope", { exitOnly: true }),
  step("snapshot", { exitOnly: true }),
  step("snapshot save /nowhere/at/all", {}),
  step("--endpoints=127.0.0.1:1,127.0.0.1:2 snapshot save x", { ownEndpoints: true }),
  ...steps(
    "snapshot save /dev/shm/skein-ctl-test.db",
    "snapshot save /dev/shm/skein-ctl-test.db -w json",
  ),
];

/** What is refused, and what goes on, while an alarm is raised. */
const WHILE_RAISED = steps(
  "put foo refused",
  "del absent",
  "get foo",
  "compaction 1",
  "alarm disarm",
  "put foo accepted",
);

/** Each clears what it raised: two alarms at a time are listed in any order. */
const ALARMS: readonly Step[] = [
  ...inAllFormats("alarm list").map((each): Step => ({ ...each, raise: 1 })),
  ...FORMATS.map((format) => step(`endpoint status -w ${format}`)),
  ...FORMATS.map((format) => step(`endpoint health -w ${format}`)),
  ...WHILE_RAISED,
  // A format that it does not have is an error after the deed.
  ...inAllFormats("alarm disarm").map((each): Step => ({ ...each, raise: 1 })),
  step("alarm list"),
  step("alarm list -w fields", { raise: 2 }),
  step("endpoint health"),
  ...WHILE_RAISED,
  ...FORMATS.map((format) => step(`alarm disarm -w ${format}`)),
];

const USAGE: readonly Step[] = [
  step("", { exitOnly: true }),
  step("--help", { exitOnly: true }),
  step("get --help", { exitOnly: true }),
  step("endpoint", { exitOnly: true }),
  step("endpoint nope", { exitOnly: true }),
  step("mem", { exitOnly: true }),
  step("version", { exitOnly: true }),
  step("options", { exitOnly: true }),
  ...steps(
    "nope",
    "gett foo",
    "put --nope a b",
    "--nope",
    "--command-timeout x get foo",
    "--hex=2 get foo",
  ),
  step("get foo --cert=", {}),
  step("get foo --cacert= -w json", {}),
  step("get foo --key=", {}),
  step("get foo", { env: { ETCDCTL_WRITE_OUT: "json" } }),
  step("get foo -w simple", { env: { ETCDCTL_WRITE_OUT: "json" } }),
  step("get foo", { env: { ETCDCTL_NOPE: "1" } }),
  step("get foo", { env: { ETCDCTL_HEX: "true" } }),
  step("get foo --endpoints 127.0.0.1:1 --command-timeout 300ms", { ownEndpoints: true }),
  step("put foo x --endpoints 127.0.0.1:1 --command-timeout 300ms", { ownEndpoints: true }),
  step("endpoint health --endpoints 127.0.0.1:1 --command-timeout 300ms", { ownEndpoints: true }),
  step("endpoint status --endpoints 127.0.0.1:1 --command-timeout 300ms", { ownEndpoints: true }),
];

const SORTS = ["CREATE", "KEY", "MODIFY", "VALUE", "VERSION"];

/** Gets with any flags, made of a seed. */
function randomGets(seed: number, count: number): Step[] {
  const prng = new Prng(seed);
  const below = (end: number): number => prng.uint32() % end;
  return Array.from({ length: count }, () => {
    const args = ["get", ["k/", "", "foo", "d"][below(4)] as string];
    args.push(["--prefix", "--from-key", "zzz", "--prefix"][below(4)] as string);
    if (below(2) === 0) args.push(`--limit=${below(6)}`);
    if (below(3) === 0) args.push(`--rev=${below(70)}`);
    // Beyond 12 entries etcd leaves the order of equal values open; a prefix has fewer.
    const hasFew = args[1] !== "" && args[2] === "--prefix";
    if (below(2) === 0) args.push(`--sort-by=${hasFew ? SORTS[below(5)] : "KEY"}`);
    if (below(2) === 0) args.push(`--order=${["ASCEND", "DESCEND"][below(2)]}`);
    if (below(3) === 0) args.push(`--min-mod-rev=${below(50)}`);
    if (below(4) === 0) args.push(`--max-create-rev=${below(70)}`);
    if (below(4) === 0) args.push("--keys-only");
    if (below(3) === 0) args.push("--consistency=s");
    args.push("-w", ["simple", "json", "fields"][below(3)] as string);
    return { args };
  });
}

/** All steps, in order: each sees what those before it did. */
export function script(seed: number, randomCount: number): readonly Step[] {
  return [
    ...PUTS,
    ...FILL,
    ...GETS,
    ...randomGets(seed, randomCount),
    ...DELETES,
    ...TXNS,
    ...COMPACTIONS,
    ...LEASES,
    ...CLUSTER,
    ...MAINTENANCE,
    ...ALARMS,
    ...USAGE,
  ];
}
