"""``clipmatrix gallery``: options into one call, and a bar; knows nothing of pages."""

from pathlib import Path

import click


@click.command()
@click.argument("runs", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("site"), show_default=True, help="Folder to write."
)
@click.option("--title", default="ClipMatrix gallery", show_default=True, help="What the page is called.")
@click.option("--no-models", is_flag=True, help="Leave out the GLBs and the 3D view: films and recipes only.")
def gallery(runs: Path, out: Path, title: str, no_models: bool) -> None:
    """Write a static site of all finished runs in RUNS, as in: clipmatrix gallery runs --out site

    It works from any file server and from the disk. Built again, it copies only what has changed.
    """
    from clipmatrix.cli.bar import Bar
    from clipmatrix.cli.progress import shown
    from clipmatrix.gallery.site import SiteConfig, build_site

    with Bar("gallery") as bar:
        site = build_site(runs, out, SiteConfig(title, not no_models), bar.show)
    click.echo(f"runs           {site.num_runs}")
    click.echo(f"page           {shown(site.page)}")
