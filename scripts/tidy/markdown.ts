import path from "node:path";
import type { Finding, Project } from "./project.ts";

const FENCE = /^(```|~~~)/;
const LINK = /\[[^\]]*\]\(([^)\s]+)\)/g;
const NPM_BUILT_IN = new Set(["install", "ci", "pack"]);

/** Links lead somewhere; commands shown in fences exist. */
export function checkMarkdown(project: Project): readonly Finding[] {
  const findings: Finding[] = [];
  const scripts = scriptNames(project);
  for (const [file, text] of project.texts) {
    if (!file.endsWith(".md")) continue;
    let inFence = false;
    text.split("\n").forEach((line, index) => {
      const report = (rule: string, message: string): void => {
        findings.push({ path: file, line: index + 1, rule, message });
      };
      if (FENCE.test(line.trim())) inFence = !inFence;
      else if (inFence) checkCommand(line, project, scripts, report);
      else {
        for (const match of line.replaceAll(/`[^`]*`/g, "").matchAll(LINK)) {
          checkLink(file, match[1]!, project, report);
        }
      }
    });
  }
  return findings;
}

function scriptNames(project: Project): ReadonlySet<string> {
  const text = project.texts.get("package.json") ?? "{}";
  const json = JSON.parse(text) as { scripts?: Record<string, string> };
  return new Set(Object.keys(json.scripts ?? {}));
}

type Report = (rule: string, message: string) => void;

function checkLink(from: string, link: string, project: Project, report: Report): void {
  if (/^[a-z]+:/i.test(link)) return;
  const [target, anchor] = link.split("#", 2);
  const file = target === "" ? from : path.posix.join(path.posix.dirname(from), target!);
  const isFolder = [...project.texts.keys()].some((each) =>
    each.startsWith(file.endsWith("/") ? file : `${file}/`),
  );
  const text = project.texts.get(file);
  if (text === undefined && !isFolder) report("links", `${link} leads nowhere`);
  else if (anchor !== undefined && text !== undefined && file.endsWith(".md")) {
    if (!headings(text).has(anchor)) report("links", `no heading #${anchor} in ${file}`);
  }
}

/** The anchors that code hosts give to headings. */
function headings(text: string): ReadonlySet<string> {
  const anchors = [...text.matchAll(/^#+ +(.+)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .trim()
      .replaceAll(" ", "-"),
  );
  return new Set(anchors);
}

function checkCommand(
  line: string,
  project: Project,
  scripts: ReadonlySet<string>,
  report: Report,
): void {
  const npm = /^\s*\$?\s*npm (run )?(?:-\S+ )*([\w:-]+)/.exec(line);
  if (
    npm !== null &&
    !scripts.has(npm[2]!) &&
    !(npm[1] === undefined && NPM_BUILT_IN.has(npm[2]!))
  ) {
    report("commands", `npm ${npm[2]} does not exist`);
  }
  const node = /^\s*\$?\s*node ([\w./-]+\.[cm]?[jt]s)/.exec(line);
  if (node !== null && !project.texts.has(node[1]!)) report("commands", `${node[1]} is not there`);
}
