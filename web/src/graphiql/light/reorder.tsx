// Stands for framer-motion (80 KB compressed), which GraphiQL uses to drag its tabs into another order: here they keep their order.
import type { ComponentPropsWithRef } from "react";

interface GroupProps extends ComponentPropsWithRef<"ul"> {
  values?: unknown;
  axis?: unknown;
  onReorder?: unknown;
}

interface ItemProps extends Omit<ComponentPropsWithRef<"li">, "value"> {
  value?: unknown;
  dragElastic?: unknown;
}

function Group({ values: _values, axis: _axis, onReorder: _onReorder, ...props }: GroupProps) {
  return <ul {...props} />;
}

function Item({ value: _value, dragElastic: _dragElastic, ...props }: ItemProps) {
  return <li {...props} />;
}

export const Reorder = { Group, Item };
