// Stands for Monaco's editorBaseApi in GraphiQL's first load, which wants these four constants and nothing else of its 190 KB.
export class KeyMod {
  static readonly CtrlCmd = 2048;
  static readonly Shift = 1024;
  static readonly Alt = 512;
  static readonly WinCtrl = 256;
}
