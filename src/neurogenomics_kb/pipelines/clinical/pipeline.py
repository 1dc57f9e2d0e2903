"""Clinical vectors: tables that were made elsewhere to features."""

from kedro.pipeline import Node, Pipeline

from neurogenomics_kb.pipelines.clinical.nodes import import_vectors


def create_pipeline() -> Pipeline:
    """Clinical pipeline; the recipe says which models are wanted."""
    return Pipeline(
        [
            Node(
                import_vectors,
                ["embeddings", "recipe", "params:embeddings", "params:quality"],
                ["quality", "features"],
                name="import_vectors",
            ),
        ],
        namespace="clinical",
        inputs={"recipe"},
    )
