"""Published results on BBBC010, beside which a report sets its own."""

from __future__ import annotations

#: Columns of table 1 of the paper, after the model's name.
COLUMNS = ("avAP[0.5:0.95]", "AP.5", "AP.75", "Recall.8", "avAPdsb[0.5:0.95]")

#: Table 1 of J. L. Rumberger, L. Mais, D. Kainmueller, "Probabilistic Deep Learning for Instance
#: Segmentation", BIC workshop at ECCV 2020, doi:10.1007/978-3-030-66415-2_29, as printed.
TABLE_1 = (
    ("Semi-convolutional operators", "0.569", "0.885", "0.661", "–", "–"),
    ("Singling-out networks", "–", "–", "–", "~0.7", "–"),
    ("Discriminative loss (Kulikov and Lempitsky)", "0.343", "0.624", "0.380", "–", "–"),
    ("Harmonic embeddings", "0.724", "0.900", "0.723", "–", "–"),
    ("PatchPerPix", "0.775", "0.939", "0.891", "0.895", "0.727"),
    ("Paper: baseline model", "0.761", "0.963", "0.879", "0.81", "0.686"),
    ("Paper: concrete dropout model", "0.770", "0.974", "0.883", "0.81", "0.703"),
)

#: PatchPerPix's published masks of the 47 test wells that have images, scored as a report does:
#: AP as precision, then as COCO's with a constant score.
RESCORED = (
    ("PatchPerPix's masks rescored, AP as precision", "0.828", "0.991", "0.955", "0.903", "0.771"),
    ("PatchPerPix's masks rescored, AP as COCO's", "0.757", "0.974", "0.907", "", ""),
)
