interface SparklineProps {
  values: number[];
  label: string;
}

const WIDTH = 96;
const HEIGHT = 18;

/** A small line without axes; what it says is in its label. */
export function Sparkline({ values, label }: SparklineProps) {
  const top = Math.max(...values, 1);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, index) => {
    const x = (index * step).toFixed(1);
    const y = (HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1);
    return `${x},${y}`;
  });
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <polyline points={points.join(" ")} />
    </svg>
  );
}
