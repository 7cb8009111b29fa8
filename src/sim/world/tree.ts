import type { Prng } from "../../base/prng.ts";
import { DiskError } from "../../platform/disk.ts";
import { VirtualFile } from "./file.ts";

/** What a name leads to. */
export type TreeNode = VirtualFile | VirtualDir;

/** One step that happens whole or not at all: names set (or removed) in one or two directories. */
interface Change {
  readonly edits: readonly { dir: VirtualDir; name: string; node: TreeNode | null }[];
  durable: boolean;
}

/** What steps of one device are on its copy. */
type ChangeCopies = Map<Change, Change>;

/** A directory: the names programs see, those a power loss leaves, and the steps between. */
export class VirtualDir {
  readonly names = new Map<string, TreeNode>();
  readonly #durable = new Map<string, TreeNode>();
  #pending: Change[] = [];

  /** Applies `edits` for programs; durable only after a sync of a directory they touch. */
  static change(edits: Change["edits"]): void {
    const change: Change = { edits, durable: false };
    for (const { dir, name, node } of edits) {
      setName(dir.names, name, node);
      if (!dir.#pending.includes(change)) dir.#pending.push(change);
    }
  }

  sync(): void {
    this.#makeDurable(this.#pending.length);
  }

  /** Some of the steps since the last sync survive: the first ones, how many is chance. */
  losePower(prng: Prng): void {
    this.#makeDurable(prng.below(this.#pending.length + 1));
  }

  /** After all directories lost power: what is durable is what programs see. */
  reload(): void {
    this.#pending = [];
    this.names.clear();
    for (const [name, node] of this.#durable) this.names.set(name, node);
  }

  get durableNames(): ReadonlyMap<string, TreeNode> {
    return this.#durable;
  }

  /** The same on another device; `copyOf` gives what a file or directory is there. */
  copyInto(copy: VirtualDir, copyOf: (node: TreeNode) => TreeNode, changes: ChangeCopies): void {
    for (const [name, node] of this.names) copy.names.set(name, copyOf(node));
    for (const [name, node] of this.#durable) copy.#durable.set(name, copyOf(node));
    for (const change of this.#pending) {
      let made = changes.get(change);
      if (made === undefined) {
        const edits = change.edits.map(({ dir, name, node }) => ({
          dir: copyOf(dir) as VirtualDir,
          name,
          node: node === null ? null : copyOf(node),
        }));
        made = { edits, durable: change.durable };
        changes.set(change, made);
      }
      copy.#pending.push(made);
    }
  }

  #makeDurable(count: number): void {
    for (const change of this.#pending.splice(0, count)) {
      if (change.durable) continue;
      change.durable = true;
      for (const { dir, name, node } of change.edits) {
        // Steps of the other directory that came before cannot come after.
        if (dir !== this) dir.#makeDurable(dir.#pending.indexOf(change));
        setName(dir.#durable, name, node);
      }
    }
  }
}

function setName(names: Map<string, TreeNode>, name: string, node: TreeNode | null): void {
  if (node === null) names.delete(name);
  else names.set(name, node);
}

/** Splits a path at slashes; empty parts do not count. */
function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

/** The names of one device. Operations throw DiskError as POSIX would. */
export class Tree {
  readonly root: VirtualDir;

  constructor(root = new VirtualDir()) {
    this.root = root;
  }

  /** A copy, and what each file or directory of this one, named or not, is in it. */
  clone(): { readonly tree: Tree; readonly copyOf: (node: TreeNode) => TreeNode } {
    const copies = new Map<TreeNode, TreeNode>();
    const changes: ChangeCopies = new Map();
    const copyOf = (node: TreeNode): TreeNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy = node instanceof VirtualDir ? new VirtualDir() : node.clone();
      copies.set(node, copy);
      if (node instanceof VirtualDir) node.copyInto(copy as VirtualDir, copyOf, changes);
      return copy;
    };
    return { tree: new Tree(copyOf(this.root) as VirtualDir), copyOf };
  }

  find(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const part of partsOf(path)) {
      if (!(node instanceof VirtualDir)) return undefined;
      node = node.names.get(part);
    }
    return node;
  }

  dir(path: string, operation: string): VirtualDir {
    const node = this.find(path);
    if (node instanceof VirtualDir) return node;
    throw new DiskError(node === undefined ? "ENOENT" : "ENOTDIR", path, operation);
  }

  /** The directory that holds the last name of `path`, and that name. */
  parent(path: string, operation: string): { dir: VirtualDir; name: string } {
    const parts = partsOf(path);
    const name = parts.pop();
    if (name === undefined) throw new DiskError("EINVAL", path, operation);
    return { dir: this.dir(parts.join("/"), operation), name };
  }

  create(path: string): VirtualFile {
    const { dir, name } = this.parent(path, "open");
    const node = new VirtualFile();
    VirtualDir.change([{ dir, name, node }]);
    return node;
  }

  mkdir(path: string): void {
    let dir = this.root;
    for (const name of partsOf(path)) {
      let node = dir.names.get(name);
      if (node === undefined) {
        node = new VirtualDir();
        VirtualDir.change([{ dir, name, node }]);
      }
      if (!(node instanceof VirtualDir)) throw new DiskError("ENOTDIR", path, "mkdir");
      dir = node;
    }
  }

  /** Returns the file that the new name hid, if any. */
  rename(from: string, to: string): TreeNode | undefined {
    const source = this.parent(from, "rename");
    const node = source.dir.names.get(source.name);
    if (node === undefined) throw new DiskError("ENOENT", from, "rename");
    const target = this.parent(to, "rename");
    const hidden = target.dir.names.get(target.name);
    if (hidden instanceof VirtualDir && hidden.names.size > 0) {
      throw new DiskError("ENOTEMPTY", to, "rename");
    }
    VirtualDir.change([
      { dir: source.dir, name: source.name, node: null },
      { dir: target.dir, name: target.name, node },
    ]);
    return hidden === node ? undefined : hidden;
  }

  unlink(path: string, operation: string): TreeNode {
    const { dir, name } = this.parent(path, operation);
    const node = dir.names.get(name);
    if (node === undefined) throw new DiskError("ENOENT", path, operation);
    if (node instanceof VirtualDir && operation === "unlink") {
      throw new DiskError("EISDIR", path, operation);
    }
    VirtualDir.change([{ dir, name, node: null }]);
    return node;
  }

  /** Names first, then the files they lead to. */
  losePower(prng: Prng): void {
    for (const dir of this.#allDirs()) dir.losePower(prng);
    const files = new Set<VirtualFile>();
    const visit = (dir: VirtualDir): void => {
      dir.reload();
      for (const node of dir.names.values()) {
        if (node instanceof VirtualDir) visit(node);
        else files.add(node);
      }
    };
    visit(this.root);
    for (const file of files) file.losePower(prng);
  }

  /** Directories that programs see or that a power loss may bring back. */
  #allDirs(): Set<VirtualDir> {
    const dirs = new Set<VirtualDir>([this.root]);
    for (const dir of dirs) {
      for (const names of [dir.names, dir.durableNames]) {
        for (const node of names.values()) if (node instanceof VirtualDir) dirs.add(node);
      }
    }
    return dirs;
  }
}
