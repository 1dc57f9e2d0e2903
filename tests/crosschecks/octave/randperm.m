% Stands before Octave's own randperm: hands out permutations that were drawn beforehand.
% randperm(n, m) gives the rows that Theil's method keeps, randperm(n) the next permutation, first
% for the left side, then, always the identity, for the right side.
function p = randperm (n, m)
  global NGKB_ROWS NGKB_DRAWS NGKB_TURN
  if (nargin == 2)
    p = NGKB_ROWS;
  elseif (mod (NGKB_TURN, 2) == 0)
    p = NGKB_DRAWS(NGKB_TURN / 2 + 1, :);
    NGKB_TURN += 1;
  else
    p = 1:n;
    NGKB_TURN += 1;
  end
end
