export function Logo({ size = 26 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#1d8a55" />
      <path
        d="M9 10.5h6.5a3 3 0 0 1 3 3v5a3 3 0 0 0 3 3H23M9 21.5h4"
        fill="none"
        stroke="#fff"
        strokeWidth="2.6"
        strokeLinecap="round"
      />
      <circle cx="9" cy="10.5" r="2.6" fill="#fff" />
      <circle cx="23" cy="21.5" r="2.6" fill="#fff" />
    </svg>
  );
}
