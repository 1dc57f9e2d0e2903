% octave-cli run_permcca.m PERMCCA_FOLDER WORK_FOLDER
% Reads Y.csv, X.csv, draws.csv and, if there, Z.csv and rows.csv; writes p.csv and r.csv.
arguments = argv ();
addpath (arguments{1});
addpath (fileparts (mfilename ("fullpath")));
folder = arguments{2};
global NGKB_ROWS NGKB_DRAWS NGKB_TURN
Y = csvread (fullfile (folder, "Y.csv"));
X = csvread (fullfile (folder, "X.csv"));
NGKB_DRAWS = csvread (fullfile (folder, "draws.csv"));
NGKB_TURN = 0;
n_permutations = rows (NGKB_DRAWS) + 1;
warning ("off", "all");
if (exist (fullfile (folder, "Z.csv"), "file"))
  Z = csvread (fullfile (folder, "Z.csv"));
  NGKB_ROWS = csvread (fullfile (folder, "rows.csv"));
  % With `partial` the fifth argument is not used, but it may not be empty.
  [p, r] = permcca (Y, X, n_permutations, Z, Z, -1, true);
else
  [p, r] = permcca (Y, X, n_permutations);
end
dlmwrite (fullfile (folder, "p.csv"), p, "precision", 17);
dlmwrite (fullfile (folder, "r.csv"), r, "precision", 17);
