# Rscript proc.R data.csv : columns y, a, b. Prints one line of JSON.
suppressMessages (library (pROC))
d <- read.csv (commandArgs (TRUE)[1])
ra <- roc (d$y, d$a, direction = "<", quiet = TRUE)
rb <- roc (d$y, d$b, direction = "<", quiet = TRUE)
t <- roc.test (ra, rb, method = "delong", paired = TRUE)
i <- ci.auc (ra, method = "delong")
numbers <- c (auc_a = as.numeric (auc (ra)), auc_b = as.numeric (auc (rb)),
              z = as.numeric (t$statistic), p_value = t$p.value,
              low = i[1], high = i[3], se = sqrt (var (ra, method = "delong")))
cat (sprintf ("{%s, \"version\": \"pROC %s, %s\"}\n",
  paste (sprintf ("\"%s\": %.15g", names (numbers), numbers), collapse = ", "),
  as.character (packageVersion ("pROC")), R.version.string))
